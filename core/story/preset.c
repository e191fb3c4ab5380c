/* SPDX-License-Identifier: MIT */
#include "story.h"

#include <string.h>

/* Styles to start from: each says the same six things, so that they can be compared and mixed. */

static const struct style_preset presets[] = {
	{"watercolour",
	 "# Watercolour\n\n"
	 "- Medium: transparent watercolour on rough white paper, two or three washes, the grain "
	 "showing\n"
	 "- Palette: clear broken colours, warm greys instead of black, one strong accent\n"
	 "- Line: hardly any; soft edges where wet colours met, a few pencil strokes left in\n"
	 "- Light: the bare paper is the light; shadows are blue and thin\n"
	 "- Composition: one subject, room around it, the picture fading out at its edges\n"
	 "- Avoid: black outlines, opaque white, hard gradients, photographic detail\n"},
	{"ink", "# Ink\n\n"
		"- Medium: pen and black ink on cream paper, a grey wash for the depth\n"
		"- Palette: black, the cream of the paper, one thin grey\n"
		"- Line: lively and uneven, thick in the shadow, hatched along the form\n"
		"- Light: from one side, cut out of the hatching as white shapes\n"
		"- Composition: strong silhouettes, a low horizon, much white left empty\n"
		"- Avoid: colour, even outlines, smooth shading, screens of dots\n"},
	{"woodcut",
	 "# Woodcut\n\n"
	 "- Medium: a woodcut printed by hand in black and two flat colours, the wood's grain in "
	 "the large areas\n"
	 "- Palette: soot black, ochre, a faded blue, on warm paper\n"
	 "- Line: broad and angular, carved white on black, no two of one width\n"
	 "- Light: hard, as wedges of white that lead to the subject\n"
	 "- Composition: few large shapes, everything near the front, filled to the edge\n"
	 "- Avoid: soft shadows, thin lines, half tones, more than three colours\n"},
	{"oil",
	 "# Oil\n\n"
	 "- Medium: oil on canvas, thick strokes in the light and thin glazes in the dark\n"
	 "- Palette: deep earths and greens, lead white, a warm red kept for the subject\n"
	 "- Line: none; edges are lost in the shadow and found in the light\n"
	 "- Light: one warm source, most of the picture in half shadow\n"
	 "- Composition: figures large and grouped in a triangle, the ground dark behind them\n"
	 "- Avoid: outlines, flat areas, pure black, glossy digital shine\n"},
	{"pencil",
	 "# Pencil\n\n"
	 "- Medium: soft graphite on toothed paper, smudged for the far, sharp for the near\n"
	 "- Palette: greys from silver to nearly black, nothing else\n"
	 "- Line: searching, drawn more than once, open where the light falls\n"
	 "- Light: even and quiet, highlights lifted out with a rubber\n"
	 "- Composition: as a page of a sketchbook: the subject finished, the rest suggested\n"
	 "- Avoid: colour, ink-black outlines, mechanical shading, borders\n"},
	{"gouache",
	 "# Gouache, as in a picture book\n\n"
	 "- Medium: opaque gouache, flat shapes with dry brushed edges, a little coloured pencil "
	 "on "
	 "top\n"
	 "- Palette: five matt colours that return in every picture, one of them warm\n"
	 "- Line: only for faces and hands, in a dark brown\n"
	 "- Light: friendly and clear, shadows as darker shapes of the same colour\n"
	 "- Composition: simple and rounded, seen from a little above, small things to discover\n"
	 "- Avoid: realism, black, tiny texture everywhere, frightening faces\n"},
	{"art-nouveau",
	 "# Art nouveau\n\n"
	 "- Medium: a colour lithograph of about 1900, flat tints within drawn contours\n"
	 "- Palette: olive, old rose, gold ochre, ivory, deep teal\n"
	 "- Line: long whiplash curves, thick around the figures, thin within\n"
	 "- Light: flat and dreamlike, with a pale glow behind the head or the place that matters\n"
	 "- Composition: tall, ornamental, hair, smoke and plants winding through it\n"
	 "- Avoid: photographic depth, straight edges, neon colours, modern things\n"},
	{"photograph",
	 "# Photograph\n\n"
	 "- Medium: a photograph on 35 mm film, natural grain, a 40 mm lens at eye level\n"
	 "- Palette: as the place has it, slightly faded, skin tones true\n"
	 "- Line: none; focus on the subject, the ground a little soft\n"
	 "- Light: what is there: window, lamp, sky; no flash\n"
	 "- Composition: a moment caught, somebody partly hidden, nothing arranged\n"
	 "- Avoid: posing, retouched faces, heavy contrast, any trace of drawing\n"},
	{"engraving",
	 "# Engraving\n\n"
	 "- Medium: a steel engraving of the 1860s, as bound into a novel\n"
	 "- Palette: black on ivory\n"
	 "- Line: fine parallel lines that swell and cross, following each surface\n"
	 "- Light: dramatic, from above and one side, the dark built of crossed lines\n"
	 "- Composition: theatrical, figures small in a great space, framed by rock or trees\n"
	 "- Avoid: colour, washes, empty grey, modern dress\n"},
	{"clear-line", "# Clear line\n\n"
		       "- Medium: a comic album: ink contours and flat printed colours\n"
		       "- Palette: light and cheerful, each thing one colour, shadows left out\n"
		       "- Line: one even black line for everything near and far\n"
		       "- Light: full day wherever the scene allows, night in plain dark blue\n"
		       "- Composition: wide and readable, figures whole, the place drawn exactly\n"
		       "- Avoid: hatching, gradients, speech balloons, distorted views\n"},
	{"paper-cut",
	 "# Paper cut\n\n"
	 "- Medium: layers of cut coloured paper, photographed, with real small shadows\n"
	 "- Palette: four papers and white, the farthest the lightest\n"
	 "- Line: only the cut edge, crisp, sometimes torn\n"
	 "- Light: soft from the upper left, between the layers\n"
	 "- Composition: like a small stage, three depths, the subject in the middle one\n"
	 "- Avoid: painted texture, drawn faces in detail, transparency\n"},
	{"pastel",
	 "# Pastel\n\n"
	 "- Medium: soft chalk pastel on dark tinted paper\n"
	 "- Palette: glowing colours out of a dark ground, blues and ambers beside each other\n"
	 "- Line: broken strokes laid side by side, contours only where they help\n"
	 "- Light: lamps, windows, moon: the light is the brightest chalk, with a wide halo\n"
	 "- Composition: close to the figures, the corners sinking into the paper\n"
	 "- Avoid: white backgrounds, sharp detail, hard black, plastic smoothness\n"},
};

const struct style_preset *style_preset(size_t i)
{
	return i < ARRAY_LEN(presets) ? &presets[i] : NULL;
}

const struct style_preset *style_preset_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(presets); i++)
		if (!strcmp(presets[i].name, name))
			return &presets[i];
	return NULL;
}
