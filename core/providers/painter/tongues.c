/* SPDX-License-Identifier: MIT */
#include "read.h"

#include <glib.h>
#include <string.h>

/*
 * The lexicon is English. So that the sea is a sea in other books too, here are the commonest words
 * for what can be drawn in German, French, Spanish, Italian, Russian, Arabic, Japanese and Chinese:
 * the beginnings of words, since endings change. An ideograph counts wherever it stands.
 */

static const struct {
	const char *stems;
	uint8_t ground, light;
	uint32_t weather;
	enum shape shape;
} tongues[] = {
	{"meer ozean mer océan mar océano mare море морск морю океан بحر البحر 海 洋",
	 .ground = GROUND_SEA},
	{"strand küste ufer plage rivage playa costa orilla spiaggia riva берег пляж شاطئ 浜 岸",
	 .ground = GROUND_SHORE},
	{"fluss fluß bach rivière fleuve ruisseau río arroyo fiume река реки реку ручей نهر النهر "
	 "川 河 江 湖",
	 .ground = GROUND_RIVER},
	{"wald wälder baum bäume forêt bois arbre bosque árbol foresta bosco albero лес леса лесу "
	 "дерев غابة "
	 "الغابة شجرة 森 林",
	 .ground = GROUND_FOREST},
	{"berg gebirge felsen montagne rocher montaña monte montagna roccia гора горы горн скал "
	 "جبل الجبل 山 峰 岩",
	 .ground = GROUND_MOUNTAIN},
	{"feld wiese acker champ prairie campo prado prato поле луг степь حقل 野 畑 畠 草",
	 .ground = GROUND_FIELD},
	{"straße strasse weg pfad chemin route sentier camino carretera strada sentiero дорог путь "
	 "тропин طريق الطريق 道 路",
	 .ground = GROUND_ROAD},
	{"stadt dorf markt gasse ville village rue marché ciudad calle pueblo città villaggio "
	 "город улиц деревн مدينة المدينة شارع 町 市 街 村",
	 .ground = GROUND_TOWN},
	{"zimmer stube kammer chambre salon cuisine habitación cuarto cocina stanza camera cucina "
	 "комнат кухн غرفة الغرفة بيت البيت 室 屋",
	 .ground = GROUND_ROOM},
	{"saal kirche palast église palais salle iglesia palacio chiesa palazzo дворец церковь "
	 "церкви храм قصر القصر مسجد 堂 殿 寺",
	 .ground = GROUND_HALL},
	{"ruine burg schloss schloß turm château ruina castillo torre rovina castello замок башн "
	 "развалин قلعة برج 城 塔",
	 .ground = GROUND_RUIN},
	{"himmel ciel cielo небо неба небес سماء السماء 空", .ground = GROUND_SKY},
	{"nacht nuit noche notte ночь ночи ночн ليل الليل 夜", .light = LIGHT_NIGHT},
	{"mond lune luna луна луны лунн قمر القمر 月", .light = LIGHT_MOONLIGHT},
	{"stern étoile estrella stella звезд звёзд نجوم 星", .light = LIGHT_STARLIGHT},
	{"morgen matin mañana mattina mattino утро утра صباح الصباح 朝", .light = LIGHT_MORNING},
	{"mittag midi mediodía mezzogiorno полдень ظهر 昼", .light = LIGHT_NOON},
	{"abend soir atardecer crepúsculo sera вечер сумер مساء المساء 夕 晩", .light = LIGHT_DUSK},
	{"aube amanecer alba рассвет заря فجر الفجر 暁 曙", .light = LIGHT_DAWN},
	{"sonne soleil sole солнц شمس الشمس 陽", .light = LIGHT_SUNLIGHT},
	{"feuer feu fuego fuoco огонь огня костёр نار النار 火", .light = LIGHT_FIRELIGHT},
	{"lampe kerze laterne bougie lanterne lámpara candela lampada ламп свеч фонар مصباح شمعة "
	 "灯 燈",
	 .light = LIGHT_LAMPLIGHT},
	{"nebel brouillard brume niebla nebbia туман ضباب 霧 霞", .light = LIGHT_MIST,
	 .weather = WEATHER_MIST},
	{"sturm gewitter tempête orage tormenta tempesta буря гроза гроз عاصفة 嵐 雷",
	 .light = LIGHT_STORM, .weather = WEATHER_WIND},
	{"regen pluie lluvia pioggia дожд مطر المطر 雨", .weather = WEATHER_RAIN},
	{"schnee neige nieve neve снег ثلج 雪", .weather = WEATHER_SNOW},
	{"wolke nuage nube nuvola туча тучи облак غيوم 雲 云", .weather = WEATHER_CLOUD},
	{"mann männer homme hombre uomo мужчин человек мужик старик رجل الرجل 男",
	 .shape = SHAPE_MAN},
	{"frau femme mujer donna женщин امرأة المرأة الجدة 女", .shape = SHAPE_WOMAN},
	{"kind kinder enfant niño bambino мальчик ребён дети طفل 孩 童", .shape = SHAPE_BOY},
	{"mädchen fille niña bambina девочк девушк فتاة 娘", .shape = SHAPE_GIRL},
	{"mönch moine monje monaco монах راهب 僧", .shape = SHAPE_HOOD},
	{"pferd pferde cheval chevaux caballo cavallo лошад конь коня حصان 馬 马",
	 .shape = SHAPE_HORSE},
	{"hund hunde chien perro собак пёс كلب 犬", .shape = SHAPE_DOG},
	{"wolf wölfe loup lobo lupo волк ذئب 狼", .shape = SHAPE_WOLF},
	{"katze chat gato gatto кошк кот قطة 猫", .shape = SHAPE_CAT},
	{"vogel vögel oiseau pájaro uccello птиц طير طائر طيور 鳥 鸟", .shape = SHAPE_GULL},
	{"kuh kühe vache vaca mucca коров بقرة 牛", .shape = SHAPE_COW},
	{"schaf schafe mouton oveja pecora овц خروف 羊", .shape = SHAPE_SHEEP},
	{"schiff schiffe navire vaisseau barco buque nave корабл سفينة السفينة 船",
	 .shape = SHAPE_SHIP},
	{"boot kahn barque barca лодк قارب 舟", .shape = SHAPE_BOAT},
	{"brücke pont puente ponte мост جسر 橋 桥", .shape = SHAPE_BRIDGE},
	{"wagen kutsche voiture charrette carro coche carrozza телег карет عربة 車",
	 .shape = SHAPE_COACH},
	{"glocke cloche campana колокол جرس 鐘 钟", .shape = SHAPE_BELL},
	{"buch bücher livre libro книг كتاب الكتاب 本 書", .shape = SHAPE_BOOK},
	{"schwert épée espada spada меч سيف 剣 刀", .shape = SHAPE_SWORD},
};

enum { ENDING_MOST = 3 }; /* letters behind a stem */

static bool is_ideograph(gunichar c)
{
	return c >= 0x3400 && c <= 0x9fff;
}

/* Is stem, of len bytes, the beginning of word and most of it? Short ones must be all of it. */
static bool begins(const char *word, const char *word_end, const char *stem, size_t len)
{
	if ((size_t)(word_end - word) < len || memcmp(word, stem, len) != 0)
		return false;
	glong stem_letters = g_utf8_strlen(stem, (gssize)len);
	glong ending = g_utf8_strlen(word + len, word_end - word - (gssize)len);
	return ending <= (stem_letters < 4 ? 0 : ENDING_MOST);
}

static void see_word(struct votes *v, const char *word, const char *end, uint32_t weight)
{
	for (size_t i = 0; i < ARRAY_LEN(tongues); i++) {
		const char *stem = tongues[i].stems;
		size_t n;
		for (; *stem; stem += n + strspn(stem + n, " ")) {
			n = strcspn(stem, " ");
			if (!begins(word, end, stem, n))
				continue;
			v->grounds[tongues[i].ground] += weight;
			v->lights[tongues[i].light] += weight;
			v->shapes[tongues[i].shape] += weight;
			v->weather |= tongues[i].weather;
			return;
		}
	}
}

void tongues_see(struct votes *v, const char *text, size_t len, uint32_t weight)
{
	const char *valid;
	g_utf8_validate(text, (gssize)len, &valid); /* a cut letter at its end is left out */
	char *low = g_utf8_strdown(text, valid - text);
	for (const char *at = low; *at;) {
		const char *word = at;
		gunichar c = g_utf8_get_char(at);
		at = g_utf8_next_char(at);
		if (is_ideograph(c)) {
			see_word(v, word, at, weight);
			continue;
		}
		if (!g_unichar_isalpha(c))
			continue;
		while (*at && g_unichar_isalpha(g_utf8_get_char(at)) &&
		       !is_ideograph(g_utf8_get_char(at)))
			at = g_utf8_next_char(at);
		see_word(v, word, at, weight);
	}
	g_free(low);
	v->grounds[GROUND_NONE] = v->lights[LIGHT_NONE] = v->shapes[SHAPE_NONE] = 0;
}
