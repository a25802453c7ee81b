#!/bin/sh
# Makes a version that dpkg and rpm accept, and put into the right order, of what "git describe --tags --always --dirty"
# says: version.sh DESCRIBED [COMMITS]. COMMITS is how many there are, for a commit that has no tag before it.
#
#   v1.2.3                  1.2.3
#   v1.2.3-rc.1             1.2.3~rc.1                before 1.2.3
#   v1.2.3-4-gabc1234       1.2.3+4.gabc1234          after 1.2.3
#   abc1234                 0.0.0+57.gabc1234         before all
set -eu

described=${1:?the version is missing}
commits=${2:-0}
after=""
case "$described" in
*-dirty)
  described=${described%-dirty}
  after=.dirty
  ;;
esac
if hash=$(expr "$described" : '.*-\(g[0-9a-f][0-9a-f]*\)$'); then
  described=${described%-"$hash"}
  after=".${described##*-}.$hash$after"
  described=${described%-*}
fi
case "$described" in
v[0-9]* | [0-9]*.*) described=${described#v} ;;
*)
  after=".$commits.g$described$after"
  described=0.0.0
  ;;
esac
base=${described%%-*}
if [ "$base" != "$described" ]; then
  base="$base~$(printf %s "${described#*-}" | tr -c 'A-Za-z0-9.' .)"
fi
if [ -n "$after" ]; then
  base="$base+${after#.}"
fi
echo "$base"
