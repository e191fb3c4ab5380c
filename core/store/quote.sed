# A text file becomes one string of C, line by line, with a comma behind it.
s/["\\]/\\&/g
s/.*/"&\\n"/
$s/$/,/
