# Runs the cases of a group that drives the built binary; sourced by its `run`, which sets
#   here      its folder: cases are functions case_NAME in *.sh there, lib.sh is their kit
#   group     "daemon"; a case's result is "ok daemon/NAME"
#   limit     seconds for one case
#   together  how many run at once
#   longest   names of cases to begin with, so that nobody waits for them at the end; may be unset
# and may define prepare() and clean_up(), run in $work before and after all cases.  Each case
# runs in a shell and a folder of its own; KEEP=yes leaves the folders for a look.
# shellcheck shell=sh disable=SC2154

MAILMILL=${MAILMILL:-$here/../../build/mailmill}
export MAILMILL

if [ "${1-}" = --one ]; then
	work=$2
	name=$3
	# shellcheck source=/dev/null
	. "$here/lib.sh"
	# shellcheck source=/dev/null
	. "$(grep -l "^case_$name()" "$here"/*.sh)"
	set_up
	"case_$name"
	finish
	exit 0
fi

command -v prepare >/dev/null || prepare() { :; }
command -v clean_up >/dev/null || clean_up() { :; }

work=$(mktemp -d "${TMPDIR:-/tmp}/mill-$group-XXXXXX") || exit 2
trap 'clean_up; [ -n "${KEEP-}" ] || rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046	# words are wanted
	set -- $(sed -n 's/^case_\([a-z_0-9]*\)().*/\1/p' "$here"/*.sh)
fi
prepare
for name; do
	case " ${longest-} " in
	*" $name "*) echo "0 $name" ;;
	*) echo "1 $name" ;;
	esac
done | sort -s -k 1,1 | cut -d ' ' -f 2 | xargs -P "$together" -I NAME timeout -k 5 "$limit" sh "$here/run" --one "$work" NAME
bad=0
for name; do
	if [ -s "$work/$name.result" ]; then
		cat "$work/$name.result"
	else
		echo "not ok $group/$name: no end within $limit s, or the case broke off"
		[ ! -e "$work/$name/log" ] || sed 's/^/  /' "$work/$name/log" | tail -40
	fi
	grep -q '^ok' "$work/$name.result" 2>/dev/null || bad=1
done
exit $bad
