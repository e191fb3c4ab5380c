/* SPDX-License-Identifier: MIT */
#include "shapes.h"

#include <string.h>

/* The words that call for a silhouette, in their base form. What has no silhouette of its own takes
 * the nearest, or none where that would be wrong: no word is better than a wrong beast. */
static const char *const words[SHAPES] = {
	[SHAPE_MAN] = "man men king prince knight duke gentleman gentlemen father brother husband "
		      "uncle son sir fisherman "
		      "butler clerk teacher smith keeper driver waiter nephew sailor servant host "
		      "monsieur herr signor lamplighter ferryman workman workmen lad youth fellow",
	[SHAPE_HAT] =
		"mr captain doctor professor judge officer colonel stranger traveller traveler "
		"gardener farmer shepherd hunter inspector policeman mayor merchant soldier "
		"general watchman psychologist editor squire lord master coachman postman dr",
	[SHAPE_WOMAN] =
		"woman women lady mother sister wife daughter queen princess duchess mrs "
		"miss madam madame mademoiselle maiden maid cook bride niece countess hostess "
		"signora frau baroness governess",
	[SHAPE_SHAWL] = "widow nurse aunt grandmother nun peasant washerwoman housekeeper midwife",
	[SHAPE_BOY] = "boy child children baby infant kid apprentice pupil toddler",
	[SHAPE_GIRL] = "girl schoolgirl",
	[SHAPE_OLD] = "grandfather beggar hermit wizard pilgrim invalid sage prophet",
	[SHAPE_HOOD] =
		"monk priest friar ghost phantom spectre spirit witch apparition figure death "
		"wraith shade abbot",
	[SHAPE_SITTING] = "fiddler piper reader angler",
	[SHAPE_GIANT] = "giant monster fiend daemon demon ogre troll ape gorilla golem",
	[SHAPE_HORSE] = "horse mare pony stallion donkey mule steed foal ass colt nag",
	[SHAPE_DOG] = "dog hound puppy terrier spaniel mastiff cur fox bitch",
	[SHAPE_WOLF] = "wolf jackal hyena wolves",
	[SHAPE_CAT] = "cat kitten tomcat",
	[SHAPE_LION] = "lion tiger leopard panther lioness",
	[SHAPE_STAG] = "stag deer hart doe reindeer antelope roe elk chamois",
	[SHAPE_COW] = "cow ox oxen bull calf cattle heifer buffalo",
	[SHAPE_SHEEP] = "sheep lamb ewe goat ram",
	[SHAPE_BEAR] = "bear badger boar",
	[SHAPE_RABBIT] = "rabbit hare",
	[SHAPE_RAT] = "rat mouse mice dormouse mole",
	[SHAPE_CROW] = "crow raven rook jackdaw magpie thrush blackbird robin sparrow",
	[SHAPE_SWAN] = "swan goose geese duck heron flamingo",
	[SHAPE_HEN] = "hen cock rooster chicken turkey",
	[SHAPE_OWL] = "owl",
	[SHAPE_GULL] = "bird gull seagull eagle hawk falcon swallow gannet pigeon dove bat petrel "
		       "albatross tern kite",
	[SHAPE_MOTH] = "moth butterfly bee dragonfly",
	[SHAPE_FISH] = "fish salmon trout herring carp",
	[SHAPE_WHALE] = "whale dolphin porpoise seal",
	[SHAPE_SNAKE] = "snake serpent adder viper",
	[SHAPE_SPIDER] = "spider",
	[SHAPE_CRAB] = "crab lobster",
	[SHAPE_FROG] = "frog toad",
	[SHAPE_DRAGON] = "dragon",
	[SHAPE_LIGHTHOUSE] = "lighthouse beacon pharos",
	[SHAPE_TOWER] = "tower turret keep belfry",
	[SHAPE_CASTLE] = "castle fortress palace citadel",
	[SHAPE_CHURCH] = "church chapel cathedral abbey steeple spire convent monastery minster",
	[SHAPE_COTTAGE] = "cottage hut farm farmhouse cabin barn inn hovel house",
	[SHAPE_MILL] = "mill windmill",
	[SHAPE_TENT] = "tent camp encampment",
	[SHAPE_GRAVES] = "graveyard churchyard cemetery gravestone tombstone tomb grave",
	[SHAPE_FIRE] = "bonfire campfire",
	[SHAPE_GATE] = "gate gateway",
	[SHAPE_STATUE] = "statue monument sphinx sculpture",
	[SHAPE_WELL] = "well",
	[SHAPE_BRIDGE] = "bridge aqueduct viaduct causeway",
	[SHAPE_SHIP] = "ship vessel frigate brig schooner galleon barque",
	[SHAPE_SAIL] = "sail sailboat yacht cutter lugger sloop smack",
	[SHAPE_BOAT] = "boat rowboat skiff canoe dinghy punt ferry raft",
	[SHAPE_COACH] = "carriage coach cart wagon cab chaise hansom omnibus waggon cabriolet",
	[SHAPE_SLEDGE] = "sledge sleigh sled",
	[SHAPE_LANTERN] = "lantern lamp",
	[SHAPE_CANDLE] = "candle taper candlestick",
	[SHAPE_BOOK] = "book volume diary ledger journal bible atlas",
	[SHAPE_KEY] = "key",
	[SHAPE_CLOCK] = "clock watch dial barometer compass",
	[SHAPE_SWORD] = "sword dagger knife blade sabre",
	[SHAPE_BELL] = "bell",
	[SHAPE_ANCHOR] = "anchor",
	[SHAPE_LETTER] = "letter envelope parcel telegram note",
	[SHAPE_CUP] = "cup goblet glass chalice wine",
	[SHAPE_BOTTLE] = "bottle flask jug vial phial",
	[SHAPE_CROWN] = "crown sceptre coronet",
	[SHAPE_MIRROR] = "mirror looking-glass",
	[SHAPE_TELESCOPE] = "telescope spyglass microscope",
	[SHAPE_FLOWER] = "flower rose lily blossom daisy tulip violet",
	[SHAPE_FEATHER] = "feather quill pen manuscript",
	[SHAPE_WHEEL] = "wheel machine lever gear engine",
	[SHAPE_CHEST] = "chest casket trunk coffer",
	[SHAPE_UMBRELLA] = "umbrella parasol",
	[SHAPE_GUN] = "pistol gun revolver musket rifle",
	[SHAPE_AXE] = "axe hatchet hammer",
	[SHAPE_FLAG] = "flag banner ensign",
};

enum { WORD_BYTES = 16 };

static bool lists(const char *list, const char *word, size_t len)
{
	while (*list) {
		size_t n = strcspn(list, " ");
		if (n == len && !memcmp(list, word, n))
			return true;
		list += n + strspn(list + n, " ");
	}
	return false;
}

static enum shape find(const char *word, size_t len)
{
	for (size_t s = 1; s < SHAPES; s++) {
		if (words[s] && lists(words[s], word, len))
			return (enum shape)s;
	}
	return SHAPE_NONE;
}

enum shape shape_of_word(const char *word, size_t len)
{
	static const struct {
		const char *plural, *base;
	} endings[] = {{"s", ""}, {"es", ""}, {"ies", "y"}, {"ves", "f"}};
	char folded[WORD_BYTES + 2];
	if (len < 2 || len > WORD_BYTES)
		return SHAPE_NONE;
	for (size_t i = 0; i < len; i++)
		folded[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] + 32) : word[i];
	enum shape s = find(folded, len);
	for (size_t i = 0; !s && i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t cut = strlen(endings[i].plural);
		if (len < cut + 2 || memcmp(folded + len - cut, endings[i].plural, cut) != 0)
			continue;
		strcpy(folded + len - cut, endings[i].base);
		s = find(folded, strlen(folded));
		memcpy(folded + len - cut, endings[i].plural, cut);
	}
	return s;
}
