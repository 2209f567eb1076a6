#!/bin/sh -e
S="${HOME:-/x}/.openclaw"; export S
for d in a b; do rclone sync --filter "- $S/**" "$S" `id`:$(date) 2>&1; done
unison /a /b -ignore "Path x"
mutagen sync create /a h:/b
lsyncd -rsync /a /b
restic backup ~
kopia snapshot create ~
duplicati-cli backup u ~
