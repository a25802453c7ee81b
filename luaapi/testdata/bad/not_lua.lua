{"checks": []}
