# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of memonlinectl(1): verbs, options and columns are those of its own help.

# _memonlinectl_help BEGIN END PATTERN: what PATTERN has in its \(…\), of the lines from BEGIN to END
_memonlinectl_help()
{
	"${COMP_WORDS[0]}" help ${verb:+"$verb"} 2>/dev/null | sed -n "/^$1/,/^$2/s/^ $3.*/\1/p"
}

_memonlinectl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local verb= words= word= i

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--socket | --timeout | --output | -o | --since | \
			--max | --word | --timeout-offline | --timeout-wait | --qmp) ((i++)) ;;
		-*) ;;
		*) verb=${verb:-$word} ;;
		esac
	done
	case $previous in
	--socket | --qmp) COMPREPLY=($(compgen -f -- "$current")) && return ;;
	--word)
		words='online online_kernel online_movable'
		COMPREPLY=($(compgen -W "$words" -- "$current"))
		return
		;;
	--output | -o)
		# Those before the last comma stay as they are.
		word=${current%"${current##*[,+]}"}
		words=$(_memonlinectl_help Columns '$' ' *\([A-Z]*\) ')
		COMPREPLY=($(compgen -P "$word" -W "$words" -- "${current##*[,+]}"))
		compopt -o nospace 2>/dev/null
		return
		;;
	--timeout | --since | --max | --timeout-offline | --timeout-wait) return ;;
	esac
	case $current:$verb in
	-*) words=$(_memonlinectl_help Options Columns '.*\(--[a-z-]*\)') ;;
	*: | *:help) verb= && words=$(_memonlinectl_help Verbs Options '\([a-z]*\) ') ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _memonlinectl memonlinectl
