/* SPDX-License-Identifier: MIT */
#include "providers.h"

#include <string.h>

/*
 * The servers that people have. A model stands here only where the server's own cheap, general one
 * is known by a name that lasts; a local server has what its owner gave it. Slots are what a new
 * account or one graphics card carries; who has more says so.
 */

static const struct preset presets[] = {
	{
		.name = "openai",
		.about = "OpenAI, or any server that speaks its format: give base_url",
		.chat = WIRE_CHAT,
		.image = WIRE_IMAGES,
		.base_url = "https://api.openai.com/v1",
		.key_variable = "OPENAI_API_KEY",
		.key_needed = true,
		.reference_models = "gpt-image",
		.chat_slots = 3,
		.image_slots = 3,
	},
	{
		.name = "openrouter",
		.about = "OpenRouter, many models behind one key",
		.chat = WIRE_CHAT,
		.image = WIRE_OPENROUTER,
		.base_url = "https://openrouter.ai/api/v1",
		.key_variable = "OPENROUTER_API_KEY",
		.key_needed = true,
		.reference_models = "",
		.chat_slots = 3,
		.image_slots = 3,
	},
	{
		.name = "anthropic",
		.about = "Anthropic's models, for text",
		.chat = WIRE_ANTHROPIC,
		.base_url = "https://api.anthropic.com/v1",
		.key_variable = "ANTHROPIC_API_KEY",
		.key_needed = true,
		.model = "claude-haiku-4-5",
		.chat_slots = 3,
	},
	{
		.name = "gemini",
		.about = "Google's Gemini, for text and pictures",
		.chat = WIRE_GEMINI,
		.image = WIRE_GEMINI,
		.base_url = "https://generativelanguage.googleapis.com/v1beta",
		.key_variable = "GEMINI_API_KEY",
		.key_needed = true,
		.model = "gemini-2.5-flash",
		.image_model = "gemini-2.5-flash-image",
		.reference_models = "",
		.chat_slots = 3,
		.image_slots = 3,
	},
	{
		.name = "groq",
		.about = "Groq, for text",
		.chat = WIRE_CHAT,
		.base_url = "https://api.groq.com/openai/v1",
		.key_variable = "GROQ_API_KEY",
		.key_needed = true,
		.model = "openai/gpt-oss-120b",
		.chat_slots = 3,
	},
	{
		.name = "mistral",
		.about = "Mistral, for text",
		.chat = WIRE_CHAT,
		.base_url = "https://api.mistral.ai/v1",
		.key_variable = "MISTRAL_API_KEY",
		.key_needed = true,
		.model = "mistral-small-latest",
		.chat_slots = 3,
	},
	{
		.name = "deepseek",
		.about = "DeepSeek, for text",
		.chat = WIRE_CHAT,
		.base_url = "https://api.deepseek.com/v1",
		.key_variable = "DEEPSEEK_API_KEY",
		.key_needed = true,
		.model = "deepseek-chat",
		.chat_slots = 3,
	},
	{
		.name = "xai",
		.about = "xAI's Grok, for text and pictures",
		.chat = WIRE_CHAT,
		.image = WIRE_IMAGES,
		.base_url = "https://api.x.ai/v1",
		.key_variable = "XAI_API_KEY",
		.key_needed = true,
		.chat_slots = 3,
		.image_slots = 3,
	},
	{
		.name = "azure",
		.about = "Azure OpenAI: base_url is https://NAME.openai.azure.com, a model is a "
			 "deployment's name",
		.chat = WIRE_AZURE_CHAT,
		.image = WIRE_AZURE_IMAGES,
		.key_variable = "AZURE_OPENAI_API_KEY",
		.key_needed = true,
		.reference_models = "gpt-image",
		.chat_slots = 3,
		.image_slots = 3,
	},
	{
		.name = "ollama",
		.about = "Ollama on this machine, for text",
		.chat = WIRE_OLLAMA,
		.base_url = "http://localhost:11434",
		.chat_slots = 1,
	},
	{
		.name = "llamacpp",
		.about = "llama.cpp's llama-server on this machine, for text",
		.chat = WIRE_CHAT,
		.base_url = "http://localhost:8080/v1",
		.chat_slots = 1,
	},
	{
		.name = "localai",
		.about = "LocalAI on this machine, for text and pictures",
		.chat = WIRE_CHAT,
		.image = WIRE_IMAGES,
		.base_url = "http://localhost:8080/v1",
		.chat_slots = 1,
		.image_slots = 1,
	},
	{
		.name = "sdcpp",
		.about = "stable-diffusion.cpp's sd-server on this machine, for pictures",
		.image = WIRE_SDCPP,
		.base_url = "http://localhost:1234/v1",
		.image_slots = 1,
	},
	{
		.name = "a1111",
		.about = "AUTOMATIC1111's web UI on this machine, started with --api, for pictures",
		.image = WIRE_A1111,
		.base_url = "http://localhost:7860",
		.image_slots = 1,
	},
	{
		.name = "comfyui",
		.about = "ComfyUI on this machine, for pictures: it needs a workflow file",
		.image = WIRE_COMFYUI,
		.base_url = "http://localhost:8188",
		.image_slots = 1,
	},
};

const struct preset *provider_preset_at(size_t k)
{
	return k < ARRAY_LEN(presets) ? &presets[k] : NULL;
}

const struct preset *provider_preset(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(presets); i++)
		if (!strcmp(presets[i].name, name))
			return &presets[i];
	return NULL;
}
