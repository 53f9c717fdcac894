#include "agent.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BIT(name) FEATURE_BIT(FEATURE_##name)

/* Xray, and apps on it. */
#define XRAY FEATURES_ALL
/* sing-box of SagerNet: one unknown transport and the whole profile is refused. */
#define SING_BOX FEATURES_SING_BOX
/* mihomo has xhttp from 1.19.22 on, VLESS encryption from 1.19.13 on. */
#define MIHOMO_22 FEATURES_MIHOMO
#define MIHOMO_13 (MIHOMO_22 & ~BIT(XHTTP))
#define MIHOMO    (MIHOMO_13 & ~BIT(ENCRYPTION))
/* Hiddify's fork of sing-box has xhttp. */
#define HIDDIFY (SING_BOX | BIT(XHTTP) | BIT(XHTTP_EXTRA))

#define APP(start, since, name, form, known)           \
    {                                                  \
        start, NULL, since, name, FORMAT_##form, known \
    }
#define PREVIEW(word)                                                    \
    {                                                                    \
        "", word, NULL, "a link preview or search robot", FORMAT_NONE, 0 \
    }
#define PREVIEW_AT(start)                                   \
    {                                                       \
        start, NULL, NULL, "a link preview", FORMAT_NONE, 0 \
    }

/*
 * Robots first: a chat's preview must not hold a credential. Apps whose servers come as links get
 * base64, which all of them read; a profile goes only to apps that read nothing else, or make
 * less of links.
 */
static const struct agent_rule table[] = {
    PREVIEW("TelegramBot"),
    PREVIEW_AT("WhatsApp"),
    PREVIEW_AT("Viber"),
    PREVIEW("Slackbot"),
    PREVIEW("Slack-ImgProxy"),
    PREVIEW("Twitterbot"),
    PREVIEW("facebookexternalhit"),
    PREVIEW("Facebot"),
    PREVIEW("Discordbot"),
    PREVIEW("LinkedInBot"),
    PREVIEW("SkypeUriPreview"),
    PREVIEW("vkShare"),
    PREVIEW("kakaotalk-scrap"),
    PREVIEW("mattermost"),
    PREVIEW("Snap URL Preview"),
    PREVIEW("Synapse (bot"),
    PREVIEW("Googlebot"),
    PREVIEW("bingbot"),
    PREVIEW("YandexBot"),
    PREVIEW("Baiduspider"),
    PREVIEW("Applebot"),
    PREVIEW("redditbot"),
    PREVIEW("Embedly"),

    APP("v2rayN/", NULL, "v2rayN", BASE64, XRAY),
    APP("v2rayNG/", NULL, "v2rayNG", BASE64, XRAY),
    APP("HiddifyNextX", NULL, "Hiddify with Xray", BASE64, XRAY),
    APP("Hiddify", NULL, "Hiddify", BASE64, HIDDIFY),
    APP("NekoBox/", NULL, "NekoBox", BASE64, SING_BOX),
    APP("nekoray", NULL, "nekoray", BASE64, SING_BOX),
    APP("Throne/", NULL, "Throne", BASE64, SING_BOX | BIT(XHTTP) | BIT(XHTTP_EXTRA)),
    APP("Happ/", NULL, "Happ", BASE64, XRAY),
    APP("Streisand", NULL, "Streisand", BASE64, XRAY),
    APP("V2Box", NULL, "V2Box", BASE64, XRAY),
    APP("FoXray", NULL, "FoXray", BASE64, XRAY),
    APP("Shadowrocket", NULL, "Shadowrocket", BASE64, XRAY),
    APP("INCY/", NULL, "INCY", BASE64, XRAY),

    APP("SFA", NULL, "sing-box for Android", SING_BOX, SING_BOX),
    APP("SFI", NULL, "sing-box for iOS", SING_BOX, SING_BOX),
    APP("SFM", NULL, "sing-box for macOS", SING_BOX, SING_BOX),
    APP("SFT", NULL, "sing-box for Apple TV", SING_BOX, SING_BOX),
    APP("sing-box", NULL, "sing-box", SING_BOX, SING_BOX),
    APP("Karing", NULL, "Karing", SING_BOX, SING_BOX),
    /* Asks in mihomo's name, and reads Clash only with a plugin. */
    APP("clash.meta/mihomo", NULL, "GUI.for.SingBox", SING_BOX, SING_BOX),
    APP("GUI.for.SingBox", NULL, "GUI.for.SingBox", SING_BOX, SING_BOX),

    APP("clash.meta/", "1.19.22", "mihomo", CLASH, MIHOMO_22),
    APP("clash.meta/", "1.19.13", "mihomo", CLASH, MIHOMO_13),
    APP("mihomo/", "1.19.22", "mihomo", CLASH, MIHOMO_22),
    APP("mihomo/", "1.19.13", "mihomo", CLASH, MIHOMO_13),
    APP("ClashMeta/", "1.19.22", "Clash Mi", CLASH, MIHOMO_22),
    APP("ClashMeta/", "1.19.13", "Clash Mi", CLASH, MIHOMO_13),
    APP("clash", NULL, "a Clash app", CLASH, MIHOMO),
    APP("mihomo", NULL, "mihomo", CLASH, MIHOMO),
    APP("FlClash", NULL, "FlClash", CLASH, MIHOMO),
    APP("Stash", NULL, "Stash", CLASH, MIHOMO),
    APP("koala-clash", NULL, "Koala Clash", CLASH, MIHOMO),
    APP("prizrak-box", NULL, "Prizrak-Box", CLASH, MIHOMO),
    APP("Flowvy", NULL, "Flowvy", CLASH, MIHOMO),
    APP("murge", NULL, "Murge", CLASH, MIHOMO),
};

uint32_t
agent_known(const char *core)
{
    if (strcmp(core, "xray") == 0)
        return XRAY;
    if (strcmp(core, "sing-box") == 0)
        return SING_BOX;
    return strcmp(core, "mihomo") == 0 ? MIHOMO_22 : 0;
}

/* Compares what the texts start with as versions ("1.19.2", "v1.19"): -1, 0 or 1. */
static int
compare_versions(const char *a, const char *b)
{
    unsigned long x, y;
    char *end;
    int i;

    for (i = 0; i < 3; i++) {
        x = strtoul(a, &end, 10);
        a = *end == '.' ? end + 1 : "";
        y = strtoul(b, &end, 10);
        b = *end == '.' ? end + 1 : "";
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
fits(const struct agent_rule *rule, const char *agent)
{
    size_t len = strlen(rule->start);
    const char *version = agent + len;

    if (strncasecmp(agent, rule->start, len) != 0 ||
        (rule->contains != NULL && strcasestr(agent, rule->contains) == NULL))
        return false;
    if (rule->since == NULL)
        return true;
    version += strspn(version, "/ ");
    version += *version == 'v';
    return is_digit(*version) && compare_versions(version, rule->since) >= 0;
}

const struct agent_rule *
agent_find(const char *user_agent, const struct agent_rules *own)
{
    size_t i;

    if (user_agent == NULL)
        return NULL;
    for (i = 0; own != NULL && i < own->count; i++)
        if (fits(&own->rules[i], user_agent))
            return &own->rules[i];
    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (fits(&table[i], user_agent))
            return &table[i];
    return NULL;
}

enum frame
agent_frame(const char *user_agent)
{
    static const char word[] = "sing-box";
    const char *p = user_agent;

    while (p != NULL && (p = strcasestr(p, word)) != NULL) {
        p += sizeof(word) - 1;
        if ((*p != ' ' && *p != '/') || !is_digit(p[p[1] == 'v' ? 2 : 1]))
            continue;
        p += p[1] == 'v' ? 2 : 1;
        if (compare_versions(p, "1.10") < 0)
            return FRAME_SING_BOX_1_9;
        if (compare_versions(p, "1.11") < 0)
            return FRAME_SING_BOX_1_10;
        return compare_versions(p, "1.12") < 0 ? FRAME_SING_BOX_1_11 : FRAME_SING_BOX;
    }
    return FRAME_SING_BOX;
}
