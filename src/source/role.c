/*
 * The usual names of mailboxes with a role.  A name counts only as a whole: a mailbox
 * "Trash/2024" is no trash.  Of two that exist the one further up has the role, so that
 * what programs make by themselves comes before what people may have named so.
 */
#include "source/role.h"

#include "base/mem.h"

static const struct { const char *role, *name; } rows[] = {
	{ "trash", "Trash" }, { "trash", "Deleted Messages" }, { "trash", "Deleted Items" },
	{ "trash", "Deleted" }, { "trash", "Bin" }, { "trash", "Papierkorb" },
	{ "trash", "Gelöschte Elemente" }, { "trash", "Gelöschte Objekte" },
	{ "trash", "Gelöscht" }, { "trash", "Corbeille" }, { "trash", "Éléments supprimés" },
	{ "trash", "Papelera" }, { "trash", "Elementos eliminados" }, { "trash", "Cestino" },
	{ "trash", "Posta eliminata" }, { "trash", "Prullenbak" }, { "trash", "Verwijderde items" },
	{ "trash", "Lixeira" }, { "trash", "Itens Excluídos" }, { "trash", "Kosz" },
	{ "trash", "Elementy usunięte" }, { "trash", "Papperskorgen" }, { "trash", "Roskakori" },
	{ "trash", "Удаленные" }, { "trash", "Корзина" }, { "trash", "ゴミ箱" },
	{ "trash", "已删除邮件" }, { "trash", "已删除" },
	{ "archive", "Archive" }, { "archive", "Archives" }, { "archive", "Archiv" },
	{ "archive", "Archivo" }, { "archive", "Archivio" }, { "archive", "Archief" },
	{ "archive", "Arquivo" }, { "archive", "Архив" },
	{ "junk", "Junk" }, { "junk", "Spam" }, { "junk", "Junk E-mail" }, { "junk", "Junk Email" },
	{ "junk", "Junk Mail" }, { "junk", "Bulk Mail" }, { "junk", "Bulk" },
	{ "junk", "Junk-E-Mail" }, { "junk", "Spamverdacht" }, { "junk", "Unerwünscht" },
	{ "junk", "Courrier indésirable" }, { "junk", "Indésirables" },
	{ "junk", "Correo no deseado" }, { "junk", "Posta indesiderata" },
	{ "junk", "Ongewenste e-mail" }, { "junk", "Lixo Eletrônico" },
	{ "junk", "Wiadomości-śmieci" }, { "junk", "Спам" }, { "junk", "迷惑メール" },
	{ "junk", "垃圾邮件" },
	{ "sent", "Sent" }, { "sent", "Sent Messages" }, { "sent", "Sent Mail" },
	{ "sent", "Sent Items" }, { "sent", "Gesendet" }, { "sent", "Gesendete Elemente" },
	{ "sent", "Gesendete Objekte" }, { "sent", "Gesendete Nachrichten" },
	{ "sent", "Éléments envoyés" }, { "sent", "Messages envoyés" }, { "sent", "Envoyés" },
	{ "sent", "Elementos enviados" }, { "sent", "Enviados" }, { "sent", "Posta inviata" },
	{ "sent", "Inviata" }, { "sent", "Verzonden items" }, { "sent", "Verzonden" },
	{ "sent", "Itens Enviados" }, { "sent", "Elementy wysłane" }, { "sent", "Skickat" },
	{ "sent", "Отправленные" }, { "sent", "送信済み" }, { "sent", "已发送" },
	{ "drafts", "Drafts" }, { "drafts", "Draft" }, { "drafts", "Entwürfe" },
	{ "drafts", "Brouillons" }, { "drafts", "Borradores" }, { "drafts", "Bozze" },
	{ "drafts", "Concepten" }, { "drafts", "Rascunhos" }, { "drafts", "Kopie robocze" },
	{ "drafts", "Utkast" }, { "drafts", "Черновики" }, { "drafts", "下書き" },
	{ "drafts", "草稿箱" },
};

bool
role_taken(const struct source_mailbox *at, size_t n, const char *role)
{
	for (size_t i = 0; i < n; i++)
		if (at[i].role != NULL && strcmp(at[i].role, role) == 0)
			return true;
	return false;
}

static struct view
bare(const char *name)
{
	static const struct view fronts[] = { { "INBOX/", 6 }, { "[Gmail]/", 8 },
		{ "[Google Mail]/", 14 } };
	struct view v = view_of(name);

	for (size_t i = 0; i < ARRAY_LEN(fronts); i++)
		if (view_istarts(v, fronts[i]))
			return view_from(v, fronts[i].n);
	return v;
}

void
role_give(struct source_mailbox *at, size_t n)
{
	size_t best[ARRAY_LEN(rows)];
	const char *given = "";

	/* One walk over the mailboxes, however many there are: the first of each name. */
	for (size_t r = 0; r < ARRAY_LEN(rows); r++)
		best[r] = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		struct view name = bare(at[i].name);

		if (at[i].role != NULL || !at[i].selectable)
			continue;
		for (size_t r = 0; r < ARRAY_LEN(rows); r++)
			if (best[r] == SIZE_MAX && view_iis(name, rows[r].name))
				best[r] = i;
	}
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		if (best[r] == SIZE_MAX || strcmp(given, rows[r].role) == 0 ||
		    role_taken(at, n, rows[r].role))
			continue;
		at[best[r]].role = xstrdup(rows[r].role);
		given = rows[r].role;
	}
}
