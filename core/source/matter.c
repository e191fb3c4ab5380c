/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "markup.h"
#include "matter.h"

struct named_kind {
	const char *name;
	enum matter_kind kind;
};

/* Words of epub:type and, without "doc-", of DPUB-ARIA; the guide has some of its own. */
static const struct named_kind types[] = {
	{"acknowledgements", MATTER_EITHER},
	{"acknowledgments", MATTER_EITHER},
	{"afterword", MATTER_BACK},
	{"appendix", MATTER_BACK},
	{"bibliography", MATTER_BACK},
	{"chapter", MATTER_STORY},
	{"colophon", MATTER_EITHER},
	{"conclusion", MATTER_STORY},
	{"contributors", MATTER_EITHER},
	{"copyright-page", MATTER_EITHER},
	{"cover", MATTER_FRONT},
	{"credits", MATTER_EITHER},
	{"dedication", MATTER_FRONT},
	{"endnotes", MATTER_BACK},
	{"epigraph", MATTER_FRONT},
	{"epilogue", MATTER_STORY},
	{"errata", MATTER_EITHER},
	{"footnotes", MATTER_BACK},
	{"foreword", MATTER_FRONT},
	{"glossary", MATTER_BACK},
	{"halftitlepage", MATTER_FRONT},
	{"imprimatur", MATTER_FRONT},
	{"imprint", MATTER_EITHER},
	{"index", MATTER_BACK},
	{"introduction", MATTER_STORY},
	{"keywords", MATTER_EITHER},
	{"landmarks", MATTER_FRONT},
	{"loa", MATTER_FRONT},
	{"loi", MATTER_FRONT},
	{"lot", MATTER_FRONT},
	{"lov", MATTER_FRONT},
	{"notes", MATTER_BACK},
	{"other-credits", MATTER_EITHER},
	{"page-list", MATTER_EITHER},
	{"pagelist", MATTER_EITHER},
	{"part", MATTER_STORY},
	{"preamble", MATTER_STORY},
	{"preface", MATTER_FRONT},
	{"prologue", MATTER_STORY},
	{"promotional-copy", MATTER_EITHER},
	{"rearnotes", MATTER_BACK},
	{"revision-history", MATTER_EITHER},
	{"seriespage", MATTER_EITHER},
	{"subchapter", MATTER_STORY},
	{"title-page", MATTER_FRONT},
	{"titlepage", MATTER_FRONT},
	{"toc", MATTER_FRONT},
	{"volume", MATTER_STORY},
};

static const struct named_kind divisions[] = {
	{"backmatter", MATTER_BACK},
	{"bodymatter", MATTER_STORY},
	{"frontmatter", MATTER_FRONT},
};

/* Titles, in lower case and without punctuation. A name ending in '*' may go on. */
static const struct named_kind titles[] = {
	/* English */
	{"cover", MATTER_FRONT},
	{"cover page", MATTER_FRONT},
	{"front cover", MATTER_FRONT},
	{"back cover", MATTER_BACK},
	{"cover image", MATTER_FRONT},
	{"title page", MATTER_FRONT},
	{"titlepage", MATTER_FRONT},
	{"title", MATTER_FRONT},
	{"half title*", MATTER_FRONT},
	{"halftitle*", MATTER_FRONT},
	{"frontispiece", MATTER_FRONT},
	{"front matter", MATTER_FRONT},
	{"frontmatter", MATTER_FRONT},
	{"back matter", MATTER_BACK},
	{"backmatter", MATTER_BACK},
	{"copyright*", MATTER_EITHER},
	{"uncopyright", MATTER_EITHER},
	{"imprint", MATTER_EITHER},
	{"colophon", MATTER_EITHER},
	{"contents", MATTER_FRONT},
	{"the contents", MATTER_FRONT},
	{"table of contents", MATTER_FRONT},
	{"toc", MATTER_FRONT},
	{"brief contents", MATTER_FRONT},
	{"detailed contents", MATTER_FRONT},
	{"dedication", MATTER_FRONT},
	{"epigraph", MATTER_FRONT},
	{"preface*", MATTER_FRONT},
	{"foreword*", MATTER_FRONT},
	{"acknowledgment*", MATTER_EITHER},
	{"acknowledgement*", MATTER_EITHER},
	{"credits", MATTER_EITHER},
	{"permissions", MATTER_EITHER},
	{"license", MATTER_EITHER},
	{"licence", MATTER_EITHER},
	{"the full project gutenberg licen*", MATTER_BACK},
	{"full project gutenberg licen*", MATTER_BACK},
	{"project gutenberg licen*", MATTER_BACK},
	{"project gutenberg header", MATTER_FRONT},
	{"the project gutenberg ebook*", MATTER_FRONT},
	{"transcriber s note*", MATTER_EITHER},
	{"transcribers note*", MATTER_EITHER},
	{"transcription note*", MATTER_EITHER},
	{"publisher s note*", MATTER_EITHER},
	{"editor s note*", MATTER_EITHER},
	{"author s note*", MATTER_EITHER},
	{"translator s note*", MATTER_EITHER},
	{"a note on the text*", MATTER_EITHER},
	{"note on the text", MATTER_EITHER},
	{"a note on the type", MATTER_BACK},
	{"a note on the translation", MATTER_EITHER},
	{"about this book", MATTER_EITHER},
	{"about this ebook", MATTER_EITHER},
	{"about this edition", MATTER_EITHER},
	{"about the author*", MATTER_EITHER},
	{"about the editor*", MATTER_EITHER},
	{"about the translator*", MATTER_EITHER},
	{"about the illustrator*", MATTER_EITHER},
	{"about the publisher*", MATTER_EITHER},
	{"about the book", MATTER_EITHER},
	{"also by*", MATTER_EITHER},
	{"also available*", MATTER_EITHER},
	{"other books by*", MATTER_EITHER},
	{"other titles by*", MATTER_EITHER},
	{"other works by*", MATTER_EITHER},
	{"books by*", MATTER_EITHER},
	{"by the same author", MATTER_EITHER},
	{"praise for*", MATTER_EITHER},
	{"advance praise*", MATTER_FRONT},
	{"newsletter*", MATTER_EITHER},
	{"list of illustrations", MATTER_FRONT},
	{"illustrations", MATTER_FRONT},
	{"list of figures", MATTER_FRONT},
	{"list of tables", MATTER_FRONT},
	{"list of maps", MATTER_FRONT},
	{"list of plates", MATTER_FRONT},
	{"list of abbreviations", MATTER_EITHER},
	{"abbreviations", MATTER_EITHER},
	{"afterword*", MATTER_BACK},
	{"appendix*", MATTER_BACK},
	{"appendices", MATTER_BACK},
	{"notes", MATTER_BACK},
	{"endnotes", MATTER_BACK},
	{"end notes", MATTER_BACK},
	{"footnotes", MATTER_BACK},
	{"notes and references", MATTER_BACK},
	{"bibliography", MATTER_BACK},
	{"selected bibliography", MATTER_BACK},
	{"references", MATTER_BACK},
	{"works cited", MATTER_BACK},
	{"sources", MATTER_BACK},
	{"further reading", MATTER_BACK},
	{"suggested reading", MATTER_BACK},
	{"glossary*", MATTER_BACK},
	{"index", MATTER_BACK},
	{"general index", MATTER_BACK},
	{"index of*", MATTER_BACK},
	{"errata", MATTER_EITHER},
	{"advertisements", MATTER_EITHER},
	{"discussion questions", MATTER_BACK},
	{"reading group guide", MATTER_BACK},
	{"reader s guide", MATTER_BACK},
	/* German */
	{"umschlag", MATTER_FRONT},
	{"titelblatt", MATTER_FRONT},
	{"titelseite", MATTER_FRONT},
	{"titel", MATTER_FRONT},
	{"schmutztitel", MATTER_FRONT},
	{"impressum", MATTER_EITHER},
	{"inhalt", MATTER_FRONT},
	{"inhaltsverzeichnis", MATTER_FRONT},
	{"inhaltsübersicht", MATTER_FRONT},
	{"widmung", MATTER_FRONT},
	{"motto", MATTER_FRONT},
	{"vorwort*", MATTER_FRONT},
	{"geleitwort*", MATTER_FRONT},
	{"vorbemerkung*", MATTER_FRONT},
	{"danksagung*", MATTER_EITHER},
	{"dank", MATTER_EITHER},
	{"nachwort*", MATTER_BACK},
	{"nachbemerkung*", MATTER_BACK},
	{"anhang*", MATTER_BACK},
	{"anmerkungen", MATTER_BACK},
	{"fußnoten", MATTER_BACK},
	{"endnoten", MATTER_BACK},
	{"literatur", MATTER_BACK},
	{"literaturverzeichnis", MATTER_BACK},
	{"quellenverzeichnis", MATTER_BACK},
	{"glossar", MATTER_BACK},
	{"register", MATTER_BACK},
	{"personenregister", MATTER_BACK},
	{"sachregister", MATTER_BACK},
	{"stichwortverzeichnis", MATTER_BACK},
	{"abbildungsverzeichnis", MATTER_EITHER},
	{"abkürzungsverzeichnis", MATTER_EITHER},
	{"über den autor*", MATTER_EITHER},
	{"über die autor*", MATTER_EITHER},
	{"über dieses buch", MATTER_EITHER},
	{"zum buch", MATTER_EITHER},
	/* French */
	{"couverture", MATTER_FRONT},
	{"page de titre", MATTER_FRONT},
	{"titre", MATTER_FRONT},
	{"faux titre", MATTER_FRONT},
	{"page de copyright", MATTER_EITHER},
	{"mentions légales", MATTER_EITHER},
	{"sommaire", MATTER_FRONT},
	{"table des matières", MATTER_FRONT},
	{"table", MATTER_FRONT},
	{"dédicace", MATTER_FRONT},
	{"épigraphe", MATTER_FRONT},
	{"exergue", MATTER_FRONT},
	{"préface*", MATTER_FRONT},
	{"avant propos*", MATTER_FRONT},
	{"avertissement", MATTER_FRONT},
	{"remerciements", MATTER_EITHER},
	{"postface*", MATTER_BACK},
	{"annexe*", MATTER_BACK},
	{"bibliographie", MATTER_BACK},
	{"glossaire", MATTER_BACK},
	{"lexique", MATTER_BACK},
	{"notes de fin", MATTER_BACK},
	{"achevé d imprimer", MATTER_BACK},
	{"du même auteur*", MATTER_EITHER},
	{"à propos de l auteur*", MATTER_EITHER},
	{"à propos de cette édition*", MATTER_EITHER},
	{"quatrième de couverture", MATTER_BACK},
	{"crédits", MATTER_EITHER},
	/* Spanish, Portuguese */
	{"cubierta", MATTER_FRONT},
	{"portada", MATTER_FRONT},
	{"portadilla", MATTER_FRONT},
	{"página de título", MATTER_FRONT},
	{"créditos", MATTER_EITHER},
	{"derechos de autor", MATTER_EITHER},
	{"índice", MATTER_FRONT},
	{"índice general", MATTER_FRONT},
	{"índice de contenido*", MATTER_FRONT},
	{"tabla de contenido*", MATTER_FRONT},
	{"contenido", MATTER_FRONT},
	{"dedicatoria", MATTER_FRONT},
	{"epígrafe", MATTER_FRONT},
	{"prefacio*", MATTER_FRONT},
	{"agradecimientos", MATTER_EITHER},
	{"posfacio", MATTER_BACK},
	{"apéndice*", MATTER_BACK},
	{"anexo*", MATTER_BACK},
	{"notas", MATTER_BACK},
	{"bibliografía", MATTER_BACK},
	{"glosario", MATTER_BACK},
	{"índice alfabético", MATTER_BACK},
	{"índice onomástico", MATTER_BACK},
	{"sobre el autor", MATTER_EITHER},
	{"sobre la autora", MATTER_EITHER},
	{"colofón", MATTER_EITHER},
	{"capa", MATTER_FRONT},
	{"folha de rosto", MATTER_FRONT},
	{"rosto", MATTER_FRONT},
	{"ficha técnica", MATTER_EITHER},
	{"direitos autorais", MATTER_EITHER},
	{"sumário", MATTER_FRONT},
	{"conteúdo", MATTER_FRONT},
	{"dedicatória", MATTER_FRONT},
	{"prefácio*", MATTER_FRONT},
	{"agradecimentos", MATTER_EITHER},
	{"posfácio", MATTER_BACK},
	{"apêndice*", MATTER_BACK},
	{"bibliografia", MATTER_BACK},
	{"glossário", MATTER_BACK},
	{"índice remissivo", MATTER_BACK},
	{"sobre o autor", MATTER_EITHER},
	{"sobre a autora", MATTER_EITHER},
	{"colofão", MATTER_EITHER},
	/* Italian */
	{"copertina", MATTER_FRONT},
	{"frontespizio", MATTER_FRONT},
	{"indice", MATTER_FRONT},
	{"sommario", MATTER_FRONT},
	{"dedica", MATTER_FRONT},
	{"epigrafe", MATTER_FRONT},
	{"prefazione*", MATTER_FRONT},
	{"ringraziamenti", MATTER_EITHER},
	{"postfazione*", MATTER_BACK},
	{"appendice*", MATTER_BACK},
	{"note", MATTER_BACK},
	{"glossario", MATTER_BACK},
	{"indice analitico", MATTER_BACK},
	{"indice dei nomi", MATTER_BACK},
	{"l autore", MATTER_EITHER},
	{"sull autore", MATTER_EITHER},
	{"il libro", MATTER_EITHER},
	/* Dutch */
	{"omslag", MATTER_FRONT},
	{"titelpagina", MATTER_FRONT},
	{"inhoud", MATTER_FRONT},
	{"inhoudsopgave", MATTER_FRONT},
	{"opdracht", MATTER_FRONT},
	{"voorwoord*", MATTER_FRONT},
	{"woord vooraf", MATTER_FRONT},
	{"dankwoord", MATTER_EITHER},
	{"nawoord", MATTER_BACK},
	{"bijlage*", MATTER_BACK},
	{"noten", MATTER_BACK},
	{"voetnoten", MATTER_BACK},
	{"bibliografie", MATTER_BACK},
	{"literatuurlijst", MATTER_BACK},
	{"over de auteur", MATTER_EITHER},
	/* Russian */
	{"обложка", MATTER_FRONT},
	{"титульный лист", MATTER_FRONT},
	{"содержание", MATTER_FRONT},
	{"оглавление", MATTER_FRONT},
	{"посвящение", MATTER_FRONT},
	{"эпиграф", MATTER_FRONT},
	{"предисловие*", MATTER_FRONT},
	{"от автора", MATTER_EITHER},
	{"от издательства", MATTER_EITHER},
	{"благодарности", MATTER_EITHER},
	{"послесловие*", MATTER_BACK},
	{"приложение*", MATTER_BACK},
	{"примечания", MATTER_BACK},
	{"комментарии", MATTER_BACK},
	{"сноски", MATTER_BACK},
	{"библиография", MATTER_BACK},
	{"список литературы", MATTER_BACK},
	{"глоссарий", MATTER_BACK},
	{"словарь терминов", MATTER_BACK},
	{"об авторе", MATTER_EITHER},
	/* Japanese, Chinese, Korean */
	{"表紙", MATTER_FRONT},
	{"扉", MATTER_FRONT},
	{"目次", MATTER_FRONT},
	{"献辞", MATTER_FRONT},
	{"まえがき", MATTER_FRONT},
	{"はしがき", MATTER_FRONT},
	{"前書き", MATTER_FRONT},
	{"あとがき", MATTER_BACK},
	{"後書き", MATTER_BACK},
	{"解説", MATTER_BACK},
	{"付録*", MATTER_BACK},
	{"注", MATTER_BACK},
	{"注釈", MATTER_BACK},
	{"参考文献", MATTER_BACK},
	{"用語集", MATTER_BACK},
	{"索引", MATTER_BACK},
	{"奥付", MATTER_BACK},
	{"後付", MATTER_BACK},
	{"底本", MATTER_BACK},
	{"謝辞", MATTER_EITHER},
	{"著者について", MATTER_EITHER},
	{"著者紹介", MATTER_EITHER},
	{"この本について", MATTER_EITHER},
	{"封面", MATTER_FRONT},
	{"扉页", MATTER_FRONT},
	{"书名页", MATTER_FRONT},
	{"版权*", MATTER_EITHER},
	{"版權*", MATTER_EITHER},
	{"目录", MATTER_FRONT},
	{"目錄", MATTER_FRONT},
	{"献词", MATTER_FRONT},
	{"前言", MATTER_FRONT},
	{"自序", MATTER_FRONT},
	{"序言", MATTER_FRONT},
	{"代序", MATTER_FRONT},
	{"致谢", MATTER_EITHER},
	{"致謝", MATTER_EITHER},
	{"后记", MATTER_BACK},
	{"後記", MATTER_BACK},
	{"跋", MATTER_BACK},
	{"附录*", MATTER_BACK},
	{"附錄*", MATTER_BACK},
	{"注释", MATTER_BACK},
	{"参考书目", MATTER_BACK},
	{"关于作者", MATTER_EITHER},
	{"作者简介", MATTER_EITHER},
	{"표지", MATTER_FRONT},
	{"차례", MATTER_FRONT},
	{"목차", MATTER_FRONT},
	{"머리말", MATTER_FRONT},
	{"감사의 말", MATTER_EITHER},
	{"부록*", MATTER_BACK},
	/* Arabic */
	{"الغلاف", MATTER_FRONT},
	{"غلاف", MATTER_FRONT},
	{"صفحة العنوان", MATTER_FRONT},
	{"حقوق النشر", MATTER_EITHER},
	{"المحتويات", MATTER_FRONT},
	{"قائمة المحتويات", MATTER_FRONT},
	{"الفهرس", MATTER_FRONT},
	{"فهرس", MATTER_FRONT},
	{"إهداء", MATTER_FRONT},
	{"الإهداء", MATTER_FRONT},
	{"تمهيد", MATTER_FRONT},
	{"شكر وتقدير", MATTER_EITHER},
	{"ملحق*", MATTER_BACK},
	{"الملاحق", MATTER_BACK},
	{"المراجع", MATTER_BACK},
	{"الهوامش", MATTER_BACK},
	{"عن المؤلف", MATTER_EITHER},
	/* Polish, Swedish, Danish, Norwegian, Czech */
	{"okładka", MATTER_FRONT},
	{"strona tytułowa", MATTER_FRONT},
	{"spis treści", MATTER_FRONT},
	{"przedmowa", MATTER_FRONT},
	{"posłowie", MATTER_BACK},
	{"przypisy", MATTER_BACK},
	{"innehåll", MATTER_FRONT},
	{"förord", MATTER_FRONT},
	{"efterord", MATTER_BACK},
	{"indhold", MATTER_FRONT},
	{"forord", MATTER_FRONT},
	{"innhold", MATTER_FRONT},
	{"etterord", MATTER_BACK},
	{"obálka", MATTER_FRONT},
	{"obsah", MATTER_FRONT},
	{"předmluva", MATTER_FRONT},
	{"doslov", MATTER_BACK},
};

static enum matter_kind find_token(const struct named_kind *list, size_t count, const char *tokens)
{
	for (size_t i = 0; i < count; i++)
		if (markup_has_token(tokens, list[i].name))
			return list[i].kind;
	return MATTER_NONE;
}

struct matter matter_of_types(const char *tokens)
{
	if (tokens && !strncasecmp(tokens, "doc-", 4))
		tokens += 4;
	return (struct matter){
		.kind = find_token(types, ARRAY_LEN(types), tokens),
		.division = find_token(divisions, ARRAY_LEN(divisions), tokens),
	};
}

/* Lower case for Latin (with accents), Greek and Cyrillic, without a locale. */
static uint32_t lower(uint32_t cp)
{
	if (cp < 0x80)
		return (uint32_t)tolower((int)cp);
	if ((cp >= 0xc0 && cp <= 0xde && cp != 0xd7) || (cp >= 0x391 && cp <= 0x3a9) ||
	    (cp >= 0x410 && cp <= 0x42f))
		return cp + 32;
	if (cp >= 0x400 && cp <= 0x40f)
		return cp + 80;
	if ((cp >= 0x100 && cp <= 0x137) || (cp >= 0x14a && cp <= 0x177))
		return cp | 1;
	if ((cp >= 0x139 && cp <= 0x148) || (cp >= 0x179 && cp <= 0x17e))
		return cp & 1 ? cp + 1 : cp;
	return cp;
}

static bool is_punctuation(uint32_t cp)
{
	return (cp < 0x80 && !isalnum((int)cp)) || cp == 0xa0 || cp == 0xab || cp == 0xbb ||
	       (cp >= 0x2000 && cp < 0x2070) || (cp >= 0x3000 && cp < 0x3020 && cp != 0x3005);
}

void matter_fold(char *out, size_t size, const char *s)
{
	const char *end = s + strlen(s);
	size_t n = 0;
	bool blank = false;

	while (s < end) {
		uint32_t cp = lower(utf8_next(&s, end));

		if (is_punctuation(cp)) {
			blank = n > 0;
			continue;
		}
		if (n + 6 > size)
			break;
		if (blank)
			out[n++] = ' ';
		blank = false;
		n += utf8_put(out + n, cp);
	}
	out[n] = '\0';
}

static bool title_is(const char *folded, const char *name)
{
	size_t len = strlen(name);

	if (name[len - 1] == '*')
		return !strncmp(folded, name, len - 1);
	return !strcmp(folded, name);
}

enum matter_kind matter_of_title(const char *title)
{
	char folded[128];

	matter_fold(folded, sizeof(folded), title);
	for (size_t i = 0; i < ARRAY_LEN(titles); i++)
		if (title_is(folded, titles[i].name))
			return titles[i].kind;
	return MATTER_NONE;
}
