#compdef virt-memonline
# SPDX-License-Identifier: GPL-2.0-or-later
# zsh completion of virt-memonline(1), whose tables `virt-memonline words` prints.

local verb word skip
for word in "${(@)words[2,CURRENT-1]}"; do
	if [[ -n $skip ]]; then
		skip=
		continue
	fi
	case $word in
	--connect|-c|--answer-timeout|--output|-o|--model|--device|--node|--dimm-size|--timeout|\
	--config|--state)
		skip=1 ;;
	-*) ;;
	*) verb=${verb:-$word} ;;
	esac
done
if [[ $PREFIX == -* ]]; then
	compadd -- $(virt-memonline words options $verb 2>/dev/null)
elif [[ -z $verb || $verb == help ]]; then
	compadd -- $(virt-memonline words verbs 2>/dev/null)
else
	compadd -- $(virt-memonline words domains 2>/dev/null)
fi
