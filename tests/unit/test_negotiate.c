/* negotiate.h and agent.h: what a request says about its form -> a format, and what is known. */
#include "unit.h"

#include "negotiate.h"

#define CHROME                                                                                 \
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 " \
    "Safari/537.36"
#define HTML      "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
#define BIT(name) FEATURE_BIT(FEATURE_##name)

static struct choice choice;

static enum format
format_for(const char *query, const char *suffix, const char *user_agent, const char *accept)
{
    struct hints hints = {query, suffix, user_agent, accept};

    assert_int_equal(0, negotiate(&hints, NULL, &choice));
    return choice.format;
}

static void
test_reads_the_query(void **state)
{
    static const struct {
        const char *query;
        enum format format;
    } cases[] = {
        {NULL, FORMAT_BASE64},
        {"", FORMAT_BASE64},
        {"format=links", FORMAT_LINKS},
        {"format=base64", FORMAT_BASE64},
        {"a=b&format=links", FORMAT_LINKS},
        {"format=links&a=b", FORMAT_LINKS},
        {"&&format=links&&", FORMAT_LINKS},
        {"a&format=links", FORMAT_LINKS},
        {"format&format=links", FORMAT_LINKS},
        /* Other parameters whose names end or begin alike. */
        {"xformat=links", FORMAT_BASE64},
        {"formats=links", FORMAT_BASE64},
        {"a=format=links", FORMAT_BASE64},
        {"Format=links", FORMAT_BASE64},
        /* Unknown formats get the one that every app reads. */
        {"format=", FORMAT_BASE64},
        {"format", FORMAT_BASE64},
        {"format=&a=links", FORMAT_BASE64},
        {"format=link", FORMAT_BASE64},
        {"format=linksx", FORMAT_BASE64},
        {"format=links ", FORMAT_BASE64},
        {"format=LINKS", FORMAT_BASE64},
        {"format=links%00", FORMAT_BASE64},
        {"&", FORMAT_BASE64},
        {"=", FORMAT_BASE64},
        {"format=base64&format=links", FORMAT_BASE64},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (format_for(cases[i].query, NULL, NULL, NULL) != cases[i].format)
            fail_msg("%s: %s", cases[i].query, format_name(choice.format));
}

static void
test_knows_every_format_by_its_name(void **state)
{
    char query[64] = "format=";
    int i;

    (void)state;
    for (i = FORMAT_BASE64; i < FORMATS; i++) {
        query[7] = '\0';
        strncat(query, format_name((enum format)i), 50);
        assert_int_equal(i, format_for(query, NULL, NULL, NULL));
        assert_int_equal(i, format_for(NULL, query + 7, NULL, NULL));
        assert_true(strncmp(format_content_type((enum format)i), "text/", 5) == 0 ||
                    strncmp(format_content_type((enum format)i), "application/", 12) == 0);
    }
}

static void
test_takes_the_hints_in_their_order(void **state)
{
    struct hints hints = {NULL, "no-format", NULL, NULL};

    (void)state;
    assert_int_equal(FORMAT_CLASH, format_for("format=clash", "xray", "SFA/1.13.0", HTML));
    assert_int_equal(FORMAT_XRAY, format_for(NULL, "xray", "SFA/1.13.0", HTML));
    assert_int_equal(FORMAT_XRAY, format_for("format=what", "xray", "SFA/1.13.0", HTML));
    assert_int_equal(FORMAT_SING_BOX, format_for(NULL, NULL, "SFA/1.13.0", HTML));
    assert_int_equal(FORMAT_PAGE, format_for(NULL, NULL, CHROME, HTML));
    assert_int_equal(FORMAT_PAGE, format_for(NULL, NULL, "Lynx/2.9", "TEXT/HTML, text/plain"));
    assert_int_equal(FORMAT_BASE64, format_for(NULL, NULL, CHROME, "*/*"));
    assert_int_equal(FORMAT_BASE64, format_for(NULL, NULL, NULL, NULL));
    assert_int_equal(-1, negotiate(&hints, NULL, &choice));
    hints.suffix = "";
    assert_int_equal(-1, negotiate(&hints, NULL, &choice));
    /* Nothing but the word. */
    hints.suffix = "clash/";
    assert_int_equal(-1, negotiate(&hints, NULL, &choice));
}

/* As the apps' code, documentation or captures have them; each with Accept as browsers send it. */
static const struct {
    const char *user_agent;
    enum format format;
    const char *app;
} golden[] = {
    {"v2rayN/7.24.8", FORMAT_BASE64, "v2rayN"},
    {"v2rayNG/2.3.5", FORMAT_BASE64, "v2rayNG"},
    {"HiddifyNext/4.1.2 (android) like ClashMeta v2ray sing-box", FORMAT_BASE64, "Hiddify"},
    {"HiddifyNextX/4.1.2 (android) like ClashMeta v2ray sing-box", FORMAT_BASE64,
     "Hiddify with Xray"},
    {"SFA/1.13.1 (578; sing-box 1.13.1; language en_US)", FORMAT_SING_BOX, "sing-box for Android"},
    {"SFI (sing-box 1.13.1; language en_US)", FORMAT_SING_BOX, "sing-box for iOS"},
    {"SFM (sing-box 1.13.1; language en_US)", FORMAT_SING_BOX, "sing-box for macOS"},
    {"SFT (sing-box 1.13.1; language en_US)", FORMAT_SING_BOX, "sing-box for Apple TV"},
    {"sing-box/1.12.3", FORMAT_SING_BOX, "sing-box"},
    {"Karing/1.2.6 mihomo/1.19.28 clash-verge ClashMeta v2ray sing-box 1.12", FORMAT_SING_BOX,
     "Karing"},
    {"clash.meta/1.19.2", FORMAT_CLASH, "a Clash app"},
    {"clash.meta/v1.19.28", FORMAT_CLASH, "mihomo"},
    {"clash.meta/alpha-1fd8f69", FORMAT_CLASH, "a Clash app"},
    {"mihomo/1.19.28", FORMAT_CLASH, "mihomo"},
    {"ClashMeta/1.19.28; mihomo/1.19.28", FORMAT_CLASH, "Clash Mi"},
    {"ClashMetaForAndroid/2.11.32", FORMAT_CLASH, "a Clash app"},
    {"clash-verge/v2.5.0-rc", FORMAT_CLASH, "a Clash app"},
    {"ClashX Meta/v1.4.6", FORMAT_CLASH, "a Clash app"},
    {"clash-nyanpasu/v1.6.1", FORMAT_CLASH, "a Clash app"},
    {"ClashforWindows/0.20.39", FORMAT_CLASH, "a Clash app"},
    {"FlClash/v0.8.96 clash-verge Platform/android", FORMAT_CLASH, "FlClash"},
    {"FlClash X/v0.1.0 Platform/android", FORMAT_CLASH, "FlClash"},
    {"Stash/2.7.0", FORMAT_CLASH, "Stash"},
    {"clash.meta/mihomo", FORMAT_SING_BOX, "GUI.for.SingBox"},
    {"GUI.for.SingBox/v1.26.1", FORMAT_SING_BOX, "GUI.for.SingBox"},
    {"NekoBox/Android/1.4.2 (Prefer ClashMeta Format)", FORMAT_BASE64, "NekoBox"},
    {"NekoBox/PC/3.26 (Prefer ClashMeta Format)", FORMAT_BASE64, "NekoBox"},
    {"Throne/1.0.5 (Prefer ClashMeta Format)", FORMAT_BASE64, "Throne"},
    {"Happ/3.20.4/Android/1234567890", FORMAT_BASE64, "Happ"},
    {"Happ/2.16.2/Windows/1234567890", FORMAT_BASE64, "Happ"},
    {"Streisand/1.6.57 CFNetwork/1490.0.4 Darwin/23.2.0", FORMAT_BASE64, "Streisand"},
    {"V2Box/1.9 CFNetwork/1490.0.4 Darwin/23.2.0", FORMAT_BASE64, "V2Box"},
    {"FoXray/1.3 CFNetwork/1490.0.4 Darwin/23.2.0", FORMAT_BASE64, "FoXray"},
    {"Shadowrocket/2070 CFNetwork/1490.0.4 Darwin/23.2.0", FORMAT_BASE64, "Shadowrocket"},
    {"INCY/1.2", FORMAT_BASE64, "INCY"},
    /* Chats that want to show what is behind an address, and search robots. */
    {"TelegramBot (like TwitterBot)", FORMAT_NONE, NULL},
    {"WhatsApp/2.23.20.0 A", FORMAT_NONE, NULL},
    {"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", FORMAT_NONE, NULL},
    {"Slack-ImgProxy (+https://api.slack.com/robots)", FORMAT_NONE, NULL},
    {"Twitterbot/1.0", FORMAT_NONE, NULL},
    {"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", FORMAT_NONE,
     NULL},
    {"Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", FORMAT_NONE, NULL},
    {"Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", FORMAT_NONE, NULL},
    {"Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)", FORMAT_NONE, NULL},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) "
     "Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
     FORMAT_NONE, NULL},
    {"Viber/13.3.0", FORMAT_NONE, NULL},
    {"LinkedInBot/1.0 (compatible; Mozilla/5.0; Jakarta Commons-HttpClient/3.1)", FORMAT_NONE,
     NULL},
    {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", FORMAT_NONE, NULL},
    {"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", FORMAT_NONE, NULL},
    /* Browsers, one of them on a telephone whose maker's name ends in "bot". */
    {CHROME, FORMAT_PAGE, NULL},
    {"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Mobile Safari/537.36",
     FORMAT_PAGE, NULL},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
     FORMAT_PAGE, NULL},
};

static void
test_knows_the_apps(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        if (format_for(NULL, NULL, golden[i].user_agent, HTML) != golden[i].format)
            fail_msg("%s: %s", golden[i].user_agent, format_name(choice.format));
        if (golden[i].app != NULL)
            assert_string_equal(golden[i].app, choice.app);
        /* In whatever form it asks, a robot gets none. */
        if (golden[i].format == FORMAT_NONE) {
            assert_int_equal(FORMAT_NONE,
                             format_for("format=links", "clash", golden[i].user_agent, NULL));
        }
    }
}

static void
test_knows_what_they_know(void **state)
{
    static const struct {
        const char *query, *user_agent;
        uint32_t known, unknown;
    } cases[] = {
        {NULL, "v2rayN/7.24.8", FEATURES_ALL, 0},
        {NULL, "HiddifyNext/4.1.2 (ios)", BIT(XHTTP) | BIT(REALITY), BIT(ENCRYPTION)},
        {NULL, "NekoBox/Android/1.4.2", BIT(HTTPUPGRADE) | BIT(VISION), BIT(XHTTP)},
        {NULL, "SFA/1.13.1", BIT(REALITY) | BIT(ECH) | BIT(PQV),
         BIT(XHTTP) | BIT(ENCRYPTION) | BIT(PIN) | BIT(VCN) | BIT(GRPC_PATH)},
        {NULL, "clash.meta/1.19.12", BIT(HTTPUPGRADE) | BIT(PIN), BIT(XHTTP) | BIT(ENCRYPTION)},
        {NULL, "clash.meta/1.19.13", BIT(ENCRYPTION), BIT(XHTTP)},
        {NULL, "clash.meta/v1.19.21", BIT(ENCRYPTION), BIT(XHTTP)},
        {NULL, "clash.meta/v1.19.22", BIT(ENCRYPTION) | BIT(XHTTP), BIT(PINS) | BIT(XHTTP_EXTRA)},
        {NULL, "clash.meta/1.20", BIT(XHTTP), BIT(PINS)},
        {NULL, "clash.meta/2", BIT(XHTTP), BIT(PINS)},
        {NULL, "clash-verge/v2.5.0", BIT(REALITY), BIT(XHTTP)},
        /* The form has no words for it, whoever asks. */
        {"format=sing-box", "v2rayN/7.24.8", BIT(REALITY), BIT(XHTTP) | BIT(ENCRYPTION)},
        {"format=clash", NULL, BIT(XHTTP) | BIT(ENCRYPTION), BIT(XHTTP_EXTRA) | BIT(VCN)},
        {"format=xray", NULL, FEATURES_ALL, 0},
        /* In links, mihomo makes plain tcp of httpupgrade: the UUID would be read on the way. */
        {"format=links", "clash.meta/v1.19.30", BIT(XHTTP), BIT(HTTPUPGRADE) | BIT(ECH)},
        {"format=base64", "mihomo/1.19.30", BIT(PIN), BIT(HTTPUPGRADE) | BIT(ECH)},
        {"format=base64", "curl/8", FEATURES_ALL, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)format_for(cases[i].query, NULL, cases[i].user_agent, NULL);
        if ((choice.known & cases[i].known) != cases[i].known ||
            (choice.known & cases[i].unknown) != 0)
            fail_msg("%zu: %x", i, choice.known);
    }
}

static void
test_finds_the_frame_by_the_version(void **state)
{
    static const struct {
        const char *user_agent;
        enum frame frame;
    } cases[] = {
        {NULL, FRAME_SING_BOX},
        {"", FRAME_SING_BOX},
        {"SFI", FRAME_SING_BOX},
        {"SFA/1.8.0 (1; sing-box 1.8.0; language en_US)", FRAME_SING_BOX_1_9},
        {"SFA/1.9.7 (1; sing-box 1.9.7; language en_US)", FRAME_SING_BOX_1_9},
        {"SFI (sing-box 1.10.0-beta.3; language en_US)", FRAME_SING_BOX_1_10},
        {"SFM (sing-box 1.11; language en_US)", FRAME_SING_BOX_1_11},
        {"sing-box/v1.11.15", FRAME_SING_BOX_1_11},
        {"sing-box 1.12.0", FRAME_SING_BOX},
        {"SFA/1.14.0-alpha.2 (9; sing-box 1.14.0-alpha.2)", FRAME_SING_BOX},
        {"sing-box 2.0", FRAME_SING_BOX},
        {"sing-box-for-x sing-box 1.10", FRAME_SING_BOX_1_10},
        {"sing-box/next", FRAME_SING_BOX},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (agent_frame(cases[i].user_agent) != cases[i].frame)
            fail_msg("%s: %d", cases[i].user_agent, agent_frame(cases[i].user_agent));
}

static void
test_own_rules_come_first(void **state)
{
    static const struct agent_rule list[] = {
        {"v2rayNG/", NULL, "1.8.29", "own", FORMAT_XRAY, FEATURES_ALL},
        {"TelegramBot", NULL, NULL, "own", FORMAT_LINKS, FEATURES_ALL},
        {"curl", NULL, NULL, "own", FORMAT_NONE, 0},
    };
    static const struct agent_rules own = {list, 3};
    static const struct {
        const char *user_agent;
        enum format format;
    } cases[] = {
        {"v2rayNG/1.8.28", FORMAT_BASE64}, {"v2rayNG/1.8.29", FORMAT_XRAY},
        {"V2RAYNG/2.0", FORMAT_XRAY},      {"v2rayNG/x", FORMAT_BASE64},
        {"TelegramBot", FORMAT_LINKS},     {"curl/8.0", FORMAT_NONE},
        {"Mcurl", FORMAT_BASE64},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hints hints = {.user_agent = cases[i].user_agent};

        assert_int_equal(0, negotiate(&hints, &own, &choice));
        if (choice.format != cases[i].format)
            fail_msg("%s: %s", cases[i].user_agent, format_name(choice.format));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_query),
        cmocka_unit_test(test_knows_every_format_by_its_name),
        cmocka_unit_test(test_takes_the_hints_in_their_order),
        cmocka_unit_test(test_knows_the_apps),
        cmocka_unit_test(test_knows_what_they_know),
        cmocka_unit_test(test_finds_the_frame_by_the_version),
        cmocka_unit_test(test_own_rules_come_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
