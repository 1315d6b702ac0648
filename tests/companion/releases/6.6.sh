# shellcheck shell=bash disable=SC2154
# The renderers of 6.2 to 6.6.1, which depend only on the distribution's ID. NETCFG_TYPE is used as written.
if [ -z "${NETCFG_TYPE}" ] ; then
    case "${os_id}" in
        alpine)
            NETCFG_TYPE='interfaces'
            ;;
        altlinux)
            NETCFG_TYPE='networkd nm'
            ;;
        debian|devuan|ubuntu)
            NETCFG_TYPE='interfaces netplan nm networkd'
            ;;
        fedora|centos|rhel|almalinux|ol|rocky)
            NETCFG_TYPE='scripts nm networkd'
            ;;
        opensuse*|sles|sled)
            NETCFG_TYPE='scripts'
            ;;
        *)
            NETCFG_TYPE='none'
            ;;
    esac
fi
