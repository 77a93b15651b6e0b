/*
 * bind: what Lua sees.  Each file of this room adds functions to one table, `core`,
 * which only the embedded files lua/mail get (as the argument of their chunk); the
 * module `mail` that scripts hold is made there, in Lua.
 *
 * script.h is the door for the command: load a file to its load point, check it,
 * activate it, stop it.
 */
#ifndef BIND_BIND_H
#define BIND_BIND_H

#include "bind/script.h"
#include "engine/engine.h"
#include "rt/rt.h"

/* Every file of the room: adds its functions to the table `core` on top of the stack. */
void bind_declare(lua_State *L);	/* rules */
void bind_declare_account(lua_State *L);
void bind_secret(lua_State *L);		/* mail.secret */
void bind_query(lua_State *L);
void bind_message(lua_State *L);	/* messages and parts */
void bind_mailbox(lua_State *L);	/* search, verbs, status, create ... */
void bind_decide(lua_State *L);		/* decisions of rule functions */
void bind_store(lua_State *L);
void bind_command(lua_State *L);
void bind_text(lua_State *L);		/* regex, word lists, durations, sizes, times, log */

struct script *bind_script(lua_State *L);	/* never NULL */
struct engine *bind_engine(lua_State *L);	/* raises before activation */

/*
 * core, as the Lua files use it (w: waits).  Texts are UTF-8; times epoch seconds;
 * durations milliseconds.  ACTION is a table { verb=, flags={names}, account=, mailbox=,
 * path=, part=, bytes=, rule= }; a mailbox is named by account and name.
 *
 *   declare_account{ kind="maildir", name=, path=, trash=, create=, tz=, where= }
 *   declare_account{ kind="imap", name=, host=, port=, user= (who signs in), authorize=,
 *          password=SECRET or token=SECRET, tls="implicit" "starttls" "none", ca_file=,
 *          fingerprints=list, insecure_plaintext=, timeout=ms, max_connections=, create=,
 *          subscribe=, trash=, tz=, where= }; SECRET: a text, or secret(...)
 *   secret(kind, argv or text) -> SECRET; kinds "command" "file" "env" "prompt"
 *   attach(account, mailbox, { name=, where=, when=QUERY, unless=QUERY, on={"arrival","apply"},
 *          after=ms, after_here=, stop=, existing=, own=, serial=, run=fn,
 *          actions={ACTION with target= (template) for mailbox or path} })
 *   active() -> bool       gate() w: returns once the script has been activated
 *   load(name) -> what lua/mail/NAME.lua returns, called with core; once for each name
 *   finding(error, where, text): adds to what `check` reports
 *   root(fn, name, kind) -> TASK without a parent, with :wait() (results or raise), :join(),
 *          :cancel(), :status(); an error that nobody waits for is logged and counted;
 *          kind "timer": a script with timers does not end; "run": one run of a timer
 *   The Lua half sets two functions, which C calls: core.loaded() at the load point (may
 *   not wait) and core.activated() as a task, before anybody passes the gate.
 *   version: of the program
 *   phase() -> "run" "exec" "check"      args() -> the arguments of exec
 *   script_dir() -> folder of the script
 *
 *   query_key(key, name, op, values) -> QUERY; values: list of string | integer | REGEX | LIST
 *   query_and(a, b) query_or(a, b) query_not(a) query_all() query_none() query_where(fn)
 *   query_keys() -> names    query_ops() -> names   query_takes_name(key) -> bool
 *   query_star(QUERY) -> the first plain text with a "*" in it, or nil
 *   QUERY: tostring (IMAP form), :test(msg) w -> bool (asks where functions too), == by identity
 *
 *   search(account, mailbox, QUERY, limit) w -> uids, maybe (list of bool beside it), uidvalidity
 *   message(account, mailbox, uid, uidvalidity) -> MESSAGE (nothing fetched yet)
 *   uidvalidity(MESSAGE) -> that its UID was learned under (0: not known)
 *   prefetch(list of MESSAGE, QUERY or nil) w: headers (or what QUERY needs first)
 *   verb(account, mailbox, uids, ACTION, uidvalidity) w -> { done=, gone=, copied_only=, failed=, bytes=,
 *          map={[uid]=new} , first=error or nil }; raises with err.result when nothing more can be done
 *   partial(): a set verb of the Lua half had a failure of its own (exit code 6)
 *   status(account, mailbox) w -> { messages=, unseen=, uidnext=, uidvalidity= }
 *   mailboxes(account) w -> list of { name=, role=, selectable= }
 *   create(account, mailbox) w, rename(account, mailbox, to) w, remove(account, mailbox) w
 *   resolve(account, name) w -> name ("@trash" to a name; raises when there is none)
 *   methods(class) -> the method table of a class ("mail.message"), to add Lua methods
 *
 *   MESSAGE: subject from to cc reply_to sender date received size uid flags message_id
 *          in_reply_to references list_id text here account mailbox defects (absent: nil);
 *          from, sender, reply_to: ADDRESS (the first); to, cc: lists of ADDRESS;
 *          date, received, here: epoch seconds; flags: table name -> true;
 *          :header(name) :headers(name) :parts(type) :raw()
 *   ADDRESS: { name=, address=, local_part=, domain= }, tostring is the address
 *   PART: type filename size charset cid disposition number; :text() :bytes() ; message number
 *
 *   deciding(MESSAGE) -> bool: inside a rule function, for this very message
 *   handling() -> bool: inside a rule function
 *   decide(ACTION): notes it
 *   fill(MESSAGE, text, use, captures, PART) w -> the template text with its fields filled;
 *          use: "mailbox" "path" "text"; captures: table of texts, or nil: those of the
 *          rule function; PART or nil; raises when a value is missing
 *   captures() -> those of the rule function (table of texts), or nil
 *   retry(reason, ms), hold(reason): end the rule function
 *
 *   store_get(store, key) w -> value or nil      store_set(store, key, value, expires) w
 *   store_delete(store, key) w   store_incr(store, key, by) w -> integer
 *   store_cas(store, key, old, new, expires) w -> bool    store_keys(store, prefix, limit) w -> list
 *          (values: nil boolean number string, and tables of them up to 64 KiB; in a rule
 *          function writes are noted and committed with the decisions, reads see them)
 *   timer_last(name) w -> epoch or 0     timer_ran(name, epoch) w
 *
 *   command{ argv={...}, stdin=string or MESSAGE, timeout=ms, env={NAME=value}, cwd=, max=bytes } w
 *          -> { code=, signal=, out=, err=, timed_out=, out_over= }
 *   re(pattern, flags) -> REGEX with :match :find :gmatch :gsub :split
 *   list(path or table) -> LIST with :has :add :remove, #
 *   duration(text) -> ms   size(text) -> bytes   time(text, tz) -> epoch
 *   split_time(epoch, tz) -> { year= month= day= hour= min= sec= wday= yday= }   join_time(table, tz) -> epoch
 *   now() -> epoch with fraction         log(level, text)
 *   load(name) -> the result of lua/mail/NAME.lua, loaded once, with core as its argument
 *   version -> text
 *   fill(MESSAGE, text, "mailbox" | "path", captures or nil, PART or nil) w -> the template filled
 *   captures() -> the table of captures of the rule function at work, or nil
 *   root(fn, name, kind) -> task: one of its own, no child of the caller; an error is logged with
 *          its traceback and counted.  kind "timer" (a timer's loop) does not count as a
 *          task that is left.  task:wait() raises what it raised, task:join() only waits.
 *   loaded, activated: set by Lua, called by C at the load point (protected; findings) and,
 *          as a task, by script_activate
 *   near(word, names) -> name or nil     raise(kind, text): a mail.error
 *   sleep(seconds) w, spawn, deadline...: from rt_push_tasklib
 */

#endif
