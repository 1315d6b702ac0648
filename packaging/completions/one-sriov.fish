# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_one_sriov_global_optspecs
    string join \n home= json h/help V/version
end

function __fish_one_sriov_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_one_sriov_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_one_sriov_using_subcommand
    set -l cmd (__fish_one_sriov_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c one-sriov -n "__fish_one_sriov_needs_command" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_needs_command" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -s V -l version -d 'Print version'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "action" -d 'Run a VMM action (called by OpenNebula, not by hand)'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "probe" -d 'Print the number of VFs in each pool (total, used, free), for OpenNebula\'s monitoring'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "pool" -d 'Print the VFs of each pool and their holders'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "leases" -d 'Print the leases'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "reconcile" -d 'Release the VFs of stopped VMs. Every deployment and every monitoring probe does this, too'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "repair" -d 'Plug VFs into a running VM that lacks them, because one could not be plugged in or the driver was killed'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "vfs" -d 'Create the VFs of a PF; /etc/one-sriov/vfs/PF has their number. one-sriov-vfs@PF.service does this at boot'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "doctor" -d 'Check this host for problems that stop VMs from getting VFs. Run as root to check everything'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "import-legacy" -d 'Adopt the VFs that the driver of 2013 assigned to running VMs'
complete -c one-sriov -n "__fish_one_sriov_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand action" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand action" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand action" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand probe" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand probe" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand probe" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand pool" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand pool" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand pool" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand leases" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand leases" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand leases" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand reconcile" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand reconcile" -l dry-run -d 'Only print what would be done'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand reconcile" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand reconcile" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand repair" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand repair" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand repair" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand vfs" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand vfs" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand vfs" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand doctor" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand doctor" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand import-legacy" -l tracking -d 'Where the old driver tracked the VFs in use [default: /dev/shm/vf_interfaces and /tmp/vf_interfaces]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand import-legacy" -l old-home -d 'The directory of the old driver\'s actions, with its kvmrc and VF maps [default: that of --home]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand import-legacy" -l home -d 'Directory of the driver\'s actions [default: that of this program, or /var/tmp/one/vmm/kvm-sriov]' -r -F
complete -c one-sriov -n "__fish_one_sriov_using_subcommand import-legacy" -l dry-run -d 'Only print what would be done'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand import-legacy" -l json -d 'Print JSON'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand import-legacy" -s h -l help -d 'Print help'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "action" -d 'Run a VMM action (called by OpenNebula, not by hand)'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "probe" -d 'Print the number of VFs in each pool (total, used, free), for OpenNebula\'s monitoring'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "pool" -d 'Print the VFs of each pool and their holders'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "leases" -d 'Print the leases'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "reconcile" -d 'Release the VFs of stopped VMs. Every deployment and every monitoring probe does this, too'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "repair" -d 'Plug VFs into a running VM that lacks them, because one could not be plugged in or the driver was killed'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "vfs" -d 'Create the VFs of a PF; /etc/one-sriov/vfs/PF has their number. one-sriov-vfs@PF.service does this at boot'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "doctor" -d 'Check this host for problems that stop VMs from getting VFs. Run as root to check everything'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "import-legacy" -d 'Adopt the VFs that the driver of 2013 assigned to running VMs'
complete -c one-sriov -n "__fish_one_sriov_using_subcommand help; and not __fish_seen_subcommand_from action probe pool leases reconcile repair vfs doctor import-legacy help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
