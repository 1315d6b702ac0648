A='one
B=two
'
export C D=1 E=2 # end
	F=a\
b
