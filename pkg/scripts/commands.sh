# shellcheck shell=sh disable=SC2034 # used by who sources it
# Which programs the scripts call, and whom they trust. Nothing here can be set
# from outside: the scripts run as root.

PATH=/usr/bin:/bin:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
unset IFS

# The volume whose launchd is the running one; empty: /.
running_volume=
# Who may own what root relies on.
trusted_uid=0
# Has ls print access control lists, which can let more in than the mode shows.
ls_acl=-e
# Seconds between two looks at what is waited for.
pause=0.2
