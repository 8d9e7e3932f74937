# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of memonlinectl(1); tests/process/ctl.py holds it against --help.

_memonlinectl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local all='--socket --domain --connect --timeout --help --version'
	local table='--json --bytes --output --noheadings'
	local reports='SEQ TIME RANGE SIZE NODE FROM TO REQUESTED ZONE RESULT ERRNO
		REASON ELAPSED INSTANCE'
	local devices='DEVICE SLOT RANGE SIZE ONLINE ZONES NODE REMOVABLE VERDICT CAUSE REMARKS
		REQUESTED TYPE LOG'
	local probes='DEVICE SLOT RANGE SIZE VERDICT REASON CONFIRMED ADDED ONLINE TYPE ERRNO
		CHECK OUTCOME'
	local acts='BLOCK RANGE SIZE RESPONSE STATE ERRNO REASON'
	local verb= words= word columns= uri= i

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--connect) uri=${COMP_WORDS[i + 1]} ;;
		esac
		case $word in
		--socket | --domain | --connect | --timeout | --output | -o | --since | \
			--max | --word | --timeout-offline | --qmp) ((i++)) ;;
		-*) ;;
		*) verb=${verb:-$word} ;;
		esac
	done
	case $verb in
	'') words='status stats metrics list map explain reports watch online offline reconcile probe ping help' ;;
	help) words='status stats metrics list map explain reports watch online offline reconcile probe ping' ;;
	status | stats) all+=' --json --bytes' ;;
	list)
		all+=" $table --all"
		columns='RANGE SIZE STATE ZONES NODE BLOCK REASON'
		;;
	map | explain) all+=' --json' ;;
	reports) all+=" $table --since --max" columns=$reports ;;
	watch) all+=" $table --since" columns=$reports ;;
	online) all+=" $table --word" columns=$acts ;;
	offline) all+=" $table --timeout-offline" columns=$acts ;;
	reconcile) all+=" $table --qmp --probe" columns=$devices ;;
	probe) all+=" $table --qmp --dry-run" columns=$probes ;;
	ping) all+=' --json' ;;
	esac
	case $previous in
	--socket | --qmp) COMPREPLY=($(compgen -f -- "$current")) && return ;;
	--domain)
		words=$(virsh ${uri:+-c "$uri"} list --name 2>/dev/null)
		COMPREPLY=($(compgen -W "$words" -- "$current"))
		return
		;;
	--word)
		words='online online_kernel online_movable'
		COMPREPLY=($(compgen -W "$words" -- "$current"))
		return
		;;
	--output | -o)
		# Those before the last comma stay as they are.
		word=${current%"${current##*[,+]}"}
		COMPREPLY=($(compgen -P "$word" -W "$columns" -- "${current##*[,+]}"))
		compopt -o nospace 2>/dev/null
		return
		;;
	--connect | --timeout | --since | --max | --timeout-offline) return ;;
	esac
	case $current in
	-*) words=$all ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _memonlinectl memonlinectl
