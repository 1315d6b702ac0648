# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_one_sriov_agent_global_optspecs
    string join \n root= sysfs= nics= context= backend= wait= lock-wait= json v/verbose h/help V/version
end

function __fish_one_sriov_agent_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_one_sriov_agent_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_one_sriov_agent_using_subcommand
    set -l cmd (__fish_one_sriov_agent_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -l root -d 'Work on the machine below DIR instead of the running one' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -l sysfs -d 'Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root]' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -l nics -d 'Take the NICs from FILE, the output of \'plan --json\' on another machine, instead of sysfs' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -l context -d 'Read the context from PATH: an ISO image or device, a directory, or a context.sh' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -l backend -d 'Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -l wait -d 'Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late [default: 0]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -l lock-wait -d 'Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -l json -d 'Print JSON'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -s v -l verbose -d 'Also log which devices and files are read'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -s V -l version -d 'Print version'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -f -a "apply" -d 'Write the network configuration'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -f -a "plan" -d 'Print which variables configure which device, and the resulting files'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -f -a "status" -d 'Print whether context, files and kernel agree, and why a NIC has no address'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -f -a "explain" -d 'Print where each value of a NIC comes from; name it by device, ETH1, IB0, PCI0, position or MAC'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -f -a "clean" -d 'Remove all files of the agent, before an image is cloned'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -f -a "version" -d 'Print the version'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l root -d 'Work on the machine below DIR instead of the running one' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l sysfs -d 'Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root]' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l nics -d 'Take the NICs from FILE, the output of \'plan --json\' on another machine, instead of sysfs' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l context -d 'Read the context from PATH: an ISO image or device, a directory, or a context.sh' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l backend -d 'Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l wait -d 'Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late [default: 0]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l lock-wait -d 'Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l dry-run -d 'Print a unified diff of what would change, and change nothing'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l force -d 'Also replace files that were edited or that the agent did not write, and keep a backup of each'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l activate -d 'Have the network stack load what changed, if it is running'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -l json -d 'Print JSON'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -s v -l verbose -d 'Also log which devices and files are read'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand apply" -s h -l help -d 'Print help'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -l root -d 'Work on the machine below DIR instead of the running one' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -l sysfs -d 'Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root]' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -l nics -d 'Take the NICs from FILE, the output of \'plan --json\' on another machine, instead of sysfs' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -l context -d 'Read the context from PATH: an ISO image or device, a directory, or a context.sh' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -l backend -d 'Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -l wait -d 'Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late [default: 0]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -l lock-wait -d 'Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -l json -d 'Print JSON'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -s v -l verbose -d 'Also log which devices and files are read'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand plan" -s h -l help -d 'Print help'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -l root -d 'Work on the machine below DIR instead of the running one' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -l sysfs -d 'Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root]' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -l nics -d 'Take the NICs from FILE, the output of \'plan --json\' on another machine, instead of sysfs' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -l context -d 'Read the context from PATH: an ISO image or device, a directory, or a context.sh' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -l backend -d 'Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -l wait -d 'Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late [default: 0]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -l lock-wait -d 'Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -l json -d 'Print JSON'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -s v -l verbose -d 'Also log which devices and files are read'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand status" -s h -l help -d 'Print help'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -l root -d 'Work on the machine below DIR instead of the running one' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -l sysfs -d 'Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root]' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -l nics -d 'Take the NICs from FILE, the output of \'plan --json\' on another machine, instead of sysfs' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -l context -d 'Read the context from PATH: an ISO image or device, a directory, or a context.sh' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -l backend -d 'Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -l wait -d 'Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late [default: 0]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -l lock-wait -d 'Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -l json -d 'Print JSON'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -s v -l verbose -d 'Also log which devices and files are read'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand explain" -s h -l help -d 'Print help'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l root -d 'Work on the machine below DIR instead of the running one' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l sysfs -d 'Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root]' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l nics -d 'Take the NICs from FILE, the output of \'plan --json\' on another machine, instead of sysfs' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l context -d 'Read the context from PATH: an ISO image or device, a directory, or a context.sh' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l backend -d 'Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l wait -d 'Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late [default: 0]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l lock-wait -d 'Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l dry-run -d 'Print what would be removed, and remove nothing'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l restore -d 'Put back the files of others that the agent replaced'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -l json -d 'Print JSON'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -s v -l verbose -d 'Also log which devices and files are read'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand clean" -s h -l help -d 'Print help'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -l root -d 'Work on the machine below DIR instead of the running one' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -l sysfs -d 'Look for NICs in the sysfs tree DIR [default: /sys, or DIR/sys with --root]' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -l nics -d 'Take the NICs from FILE, the output of \'plan --json\' on another machine, instead of sysfs' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -l context -d 'Read the context from PATH: an ISO image or device, a directory, or a context.sh' -r -F
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -l backend -d 'Write for this network stack: ifcfg, interfaces, keyfile, netplan or networkd, or one of their dialects' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -l wait -d 'Wait at most SECONDS for the CD (while udev is busy) and for NICs that appear late [default: 0]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -l lock-wait -d 'Wait at most SECONDS for another agent on this machine [default: 30; with --activate: 600]' -r
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -l json -d 'Print JSON'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -s v -l verbose -d 'Also log which devices and files are read'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand version" -s h -l help -d 'Print help'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand help; and not __fish_seen_subcommand_from apply plan status explain clean version help" -f -a "apply" -d 'Write the network configuration'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand help; and not __fish_seen_subcommand_from apply plan status explain clean version help" -f -a "plan" -d 'Print which variables configure which device, and the resulting files'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand help; and not __fish_seen_subcommand_from apply plan status explain clean version help" -f -a "status" -d 'Print whether context, files and kernel agree, and why a NIC has no address'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand help; and not __fish_seen_subcommand_from apply plan status explain clean version help" -f -a "explain" -d 'Print where each value of a NIC comes from; name it by device, ETH1, IB0, PCI0, position or MAC'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand help; and not __fish_seen_subcommand_from apply plan status explain clean version help" -f -a "clean" -d 'Remove all files of the agent, before an image is cloned'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand help; and not __fish_seen_subcommand_from apply plan status explain clean version help" -f -a "version" -d 'Print the version'
complete -c one-sriov-agent -n "__fish_one_sriov_agent_using_subcommand help; and not __fish_seen_subcommand_from apply plan status explain clean version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
