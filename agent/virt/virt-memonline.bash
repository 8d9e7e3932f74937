# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of virt-memonline(1), whose tables `virt-memonline words` prints.

_virt_memonline()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]} verb= word= words= i
	local -a uri=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--connect | -c) uri=(-c "${COMP_WORDS[++i]}") ;;
		--answer-timeout | --output | -o | --model | --device | --node | --dimm-size | \
			--timeout | --config | --state) ((i++)) ;;
		-*) ;;
		*) verb=${verb:-${COMP_WORDS[i]}} ;;
		esac
	done
	case $previous in
	--model) words='dimm virtio-mem' ;;
	--output | -o)
		# Those before the last comma stay as they are.
		word=${current%"${current##*[,+]}"}
		words=$("$program" words columns "$verb" 2>/dev/null)
		COMPREPLY=($(compgen -P "$word" -W "$words" -- "${current##*[,+]}"))
		compopt -o nospace 2>/dev/null
		return
		;;
	--config | --state)
		COMPREPLY=($(compgen -f -- "$current"))
		return
		;;
	--connect | -c | --answer-timeout | --device | --node | --dimm-size | --timeout) return ;;
	*)
		case $current:$verb in
		-*) words=$("$program" words options "$verb" 2>/dev/null) ;;
		*: | *:help) words=$("$program" words verbs 2>/dev/null) ;;
		*) words=$("$program" "${uri[@]}" words domains 2>/dev/null) ;;
		esac
		;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _virt_memonline virt-memonline
