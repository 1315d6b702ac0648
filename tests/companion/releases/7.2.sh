# shellcheck shell=bash disable=SC2154
# The renderers after 7.0.0.
if [ -z "${NETCFG_TYPE}" ] ; then
    case "${os_id}${os_ver}" in
        alpine*)
            NETCFG_TYPE='interfaces'
            ;;
        altlinux*)
            NETCFG_TYPE='networkd nm'
            ;;
        debian12)
            NETCFG_TYPE='netplan networkd interfaces nm'
            ;;
        devuan*|debian*)
            NETCFG_TYPE='interfaces netplan nm networkd'
            ;;
        ubuntu*)
            NETCFG_TYPE='netplan networkd interfaces nm'
            ;;
        fedora*|centos*|rhel*|almalinux*|ol*|rocky*)
            NETCFG_TYPE='nm networkd scripts'
            ;;
        opensuse-leap15*|sles15*|sled15*)
            NETCFG_TYPE='scripts'
            ;;
        opensuse-leap16*|sles16*|sled16*)
            NETCFG_TYPE='nm networkd scripts'
            ;;
        amzn*)
            NETCFG_TYPE='scripts'
            ;;
        *)
            NETCFG_TYPE='none'
            ;;
    esac
else
    NETCFG_TYPE=$(tr '[:upper:]' '[:lower:]' <<< "$NETCFG_TYPE" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//')
    # other names
    case "${NETCFG_TYPE}" in
        networkmanager)
            NETCFG_TYPE='nm'
            ;;
        systemd-networkd|systemd-network|systemd)
            NETCFG_TYPE='networkd'
            ;;
        redhat)
            NETCFG_TYPE='scripts'
            ;;
        debian)
            NETCFG_TYPE='interfaces'
            ;;
    esac
fi
