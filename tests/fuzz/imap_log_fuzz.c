/*
 * The wire log against any server: one byte where to cut, one for the mode, six for a
 * secret (made of A to P, which no mark of the log holds), then what the server says.
 * Cut or whole, the same lines come out; each is printable; the secret is in none of
 * them while a sign-in runs.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "proto/imap_log.h"

#define SECRET_N	6u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool cond)
{
	if (!cond)
		abort();
}

static void
collect(void *arg, const char *line)
{
	must(utf8_valid(view_of(line)));
	for (const char *p = line; *p != '\0'; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7f);
	str_addf(arg, "%s\n", line);
}

static void
play(struct str *out, enum imap_log_mode mode, struct view secret, struct view heard, size_t step)
{
	struct imap_log *l = imap_log_new(collect, out);

	imap_log_mode(l, mode);
	if (mode != IMAP_LOG_OPEN)
		imap_log_hide(l, secret);
	for (size_t at = 0; at < heard.n; at += step)
		imap_log_received(l, view_sub(heard, at, step));
	must(mode == IMAP_LOG_OPEN || view_find(str_view(out), secret) < 0);
	imap_log_free(&l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str whole = STR_INIT, cut = STR_INIT;
	char secret[SECRET_N];
	struct view heard;
	enum imap_log_mode mode;

	if (n < 2 + SECRET_N)
		return 0;
	mode = (enum imap_log_mode)(data[1] % 3);
	for (size_t i = 0; i < SECRET_N; i++)
		secret[i] = (char)('A' + (data[2 + i] & 15));
	heard = view_n((const char *)data + 2 + SECRET_N, n - 2 - SECRET_N);
	play(&whole, mode, view_n(secret, SECRET_N), heard, heard.n + 1);
	play(&cut, mode, view_n(secret, SECRET_N), heard, data[0] % 32 + 1u);
	must(view_eq(str_view(&whole), str_view(&cut)));
	str_free(&whole);
	str_free(&cut);
	return 0;
}
