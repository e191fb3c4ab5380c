# A text file becomes one string of C, line by line.
s/["\\]/\\&/g
s/.*/"&\\n"/
$s/$/;/
