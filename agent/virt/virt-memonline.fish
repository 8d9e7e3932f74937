# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion of virt-memonline(1), whose tables `virt-memonline words` prints.

function __virt_memonline_words
	set -l verbs (virt-memonline words verbs 2>/dev/null)
	set -l verb
	for word in (commandline -opc)[2..-1]
		if contains -- $word $verbs
			set verb $word
			break
		end
	end
	switch (commandline -ct)
		case '-*'
			virt-memonline words options $verb 2>/dev/null
		case '*'
			if test -z "$verb" -o "$verb" = help
				printf '%s\n' $verbs
			else
				virt-memonline words domains 2>/dev/null
			end
	end
end

complete -c virt-memonline -f -a '(__virt_memonline_words)'
