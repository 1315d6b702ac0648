A='it'\''s'
B="it's"'"'x\ y\
z
C='never closed
