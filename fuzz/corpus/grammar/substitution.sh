A='$(reboot)'
B="`reboot` $(reboot) $HOME \$ \" \\ \x"
C=$(reboot
