#include "page_parts.h"

/*
 * A new text goes into every language. No-break spaces stand where a line must not end; texts name
 * no technique: whoever looks over the reader's shoulder learns little. Lines are broken by hand:
 * clang-format cannot tell how wide Persian is.
 */
/* clang-format off */
const struct page_words page_words[PAGE_LANGUAGES] = {
    [PAGE_EN] =
        {
            .tag = "en",
            .direction = "ltr",
            .lead = "This page is yours alone. Please keep its address to yourself.",
            .valid_until = "Valid until",
            .used = "Data used",
            .of = " of ",
            .unlimited = "no limit",
            .add = "Add to your app",
            .add_text = "Choose an app that is installed on this device. It opens and offers to add "
                        "your subscription.",
            .other_apps = "Apps for other systems",
            .scan = "Scan or copy",
            .scan_text = "For another device, scan this code with the app there. In any other app, "
                         "add the address as a subscription.",
            .mirrors = "Spare addresses",
            .mirrors_text = "They give you the same subscription. Use one if the first address "
                            "does not respond.",
            .copy = "Copy",
            .copied = "Copied",
            .qr = "QR code",
            .links = "Single connections",
            .links_text = "You rarely need these: the subscription holds them all and keeps them "
                          "up to date.",
            .links_only = "Open a connection, then scan its code with your app or copy the link "
                          "into it.",
            .too_long = "This link is too long for a QR code. Please copy it.",
            .no_qr = "There is no QR code for this link. Please copy it.",
            .help = "If something does not work",
            .help_update = "Update the subscription in your app.",
            .help_server = "Choose another connection in the app’s list.",
            .help_app = "Try another app.",
            .help_mirror = "Add one of the spare addresses.",
            .help_clock = "Check that the date and time of your device are right.",
            .help_ask = "Still stuck? Ask here:",
            .units = {"B", "KB", "MB", "GB", "TB", "PB", "EB"},
            .decimal = ".",
        },
    [PAGE_RU] =
        {
            .tag = "ru",
            .direction = "ltr",
            .lead = "Эта страница только для вас. Пожалуйста, никому не\u00a0передавайте её адрес.",
            .valid_until = "Действует до",
            .used = "Использовано",
            .of = " из\u00a0",
            .unlimited = "без\u00a0ограничений",
            .add = "Добавить в\u00a0приложение",
            .add_text = "Выберите приложение, установленное на\u00a0этом устройстве. Оно откроется "
                        "и\u00a0предложит добавить подписку.",
            .other_apps = "Приложения для\u00a0других систем",
            .scan = "Сканировать или скопировать",
            .scan_text =
                "Чтобы настроить другое устройство, отсканируйте код приложением на\u00a0нём. "
                "В\u00a0любом другом приложении добавьте адрес как подписку.",
            .mirrors = "Запасные адреса",
            .mirrors_text =
                "По\u00a0ним доступна та\u00a0же подписка. Пригодятся, если первый адрес "
                "не\u00a0отвечает.",
            .copy = "Скопировать",
            .copied = "Скопировано",
            .qr = "QR-код",
            .links = "Отдельные подключения",
            .links_text = "Обычно они не\u00a0нужны: в\u00a0подписке есть все, и\u00a0она "
                          "обновляется сама.",
            .links_only = "Откройте подключение, затем отсканируйте его код приложением или "
                          "скопируйте в\u00a0него ссылку.",
            .too_long = "Эта ссылка слишком длинная для\u00a0QR-кода. Пожалуйста, скопируйте её.",
            .no_qr = "Для\u00a0этой ссылки нет QR-кода. Пожалуйста, скопируйте её.",
            .help = "Если что-то не\u00a0работает",
            .help_update = "Обновите подписку в\u00a0приложении.",
            .help_server = "Выберите другое подключение в\u00a0списке приложения.",
            .help_app = "Попробуйте другое приложение.",
            .help_mirror = "Добавьте один из\u00a0запасных адресов.",
            .help_clock = "Проверьте дату и\u00a0время на\u00a0устройстве.",
            .help_ask = "Не\u00a0помогло? Спросите здесь:",
            .units = {"Б", "КБ", "МБ", "ГБ", "ТБ", "ПБ", "ЭБ"},
            .decimal = ",",
        },
    [PAGE_FA] =
        {
            .tag = "fa",
            .direction = "rtl",
            .lead = "این صفحه فقط برای شماست. لطفاً نشانی آن را به کسی ندهید.",
            .valid_until = "معتبر تا",
            .used = "مصرف‌شده",
            .of = " از ",
            .unlimited = "نامحدود",
            .add = "افزودن به برنامه",
            .add_text = "برنامه‌ای را که روی همین دستگاه نصب است انتخاب کنید. برنامه باز "
                        "می‌شود و "
                        "افزودن اشتراک را پیشنهاد می‌دهد.",
            .other_apps = "برنامه‌های سیستم‌های دیگر",
            .scan = "اسکن یا کپی",
            .scan_text = "برای دستگاه دیگر، این کد را با برنامهٔ همان دستگاه اسکن کنید. در هر "
                         "برنامهٔ دیگری، نشانی را به‌عنوان اشتراک اضافه "
                         "کنید.",
            .mirrors = "نشانی‌های جایگزین",
            .mirrors_text = "همان اشتراک را می‌دهند. اگر نشانی اول پاسخ نداد، یکی از این‌ها "
                            "را "
                            "به کار ببرید.",
            .copy = "کپی",
            .copied = "کپی شد",
            .qr = "کد QR",
            .links = "اتصال‌های جداگانه",
            .links_text = "معمولاً به این‌ها نیازی نیست: اشتراک همه را دارد و خودش به‌روز "
                          "می‌شود.",
            .links_only = "یک اتصال را باز کنید، سپس کد آن را با برنامه اسکن کنید یا پیوند را در "
                          "برنامه بچسبانید.",
            .too_long = "این پیوند برای کد QR بیش از حد بلند است. لطفاً آن را کپی کنید.",
            .no_qr = "این پیوند کد QR ندارد. لطفاً آن را کپی کنید.",
            .help = "اگر چیزی کار نمی‌کند",
            .help_update = "اشتراک را در برنامه به‌روز کنید.",
            .help_server = "در فهرست برنامه اتصال دیگری را انتخاب کنید.",
            .help_app = "برنامهٔ دیگری را امتحان کنید.",
            .help_mirror =
                "یکی از نشانی‌های جایگزین را اضافه کنید.",
            .help_clock = "درستی تاریخ و ساعت دستگاه را بررسی کنید.",
            .help_ask = "مشکل حل نشد؟ اینجا بپرسید:",
            .units = {"بایت", "کیلوبایت", "مگابایت", "گیگابایت", "ترابایت", "پتابایت", "اگزابایت"},
            .decimal = "٫",
            .eastern = true,
        },
    [PAGE_ZH] =
        {
            .tag = "zh-Hans",
            .direction = "ltr",
            .lead = "此页面仅供您本人使用，请勿将网址告诉他人。",
            .valid_until = "有效期至",
            .used = "已用流量",
            .of = " / ",
            .unlimited = "不限量",
            .add = "添加到应用",
            .add_text = "请选择本设备上已安装的应用。应用打开后会提示添加订阅。",
            .other_apps = "其他系统的应用",
            .scan = "扫码或复制",
            .scan_text = "如需在其他设备上使用，请用该设备上的应用扫描此二维码。"
                         "使用其他应用时，请将此地址添加为订阅。",
            .mirrors = "备用地址",
            .mirrors_text = "这些地址提供相同的订阅。首个地址无法访问时可以使用。",
            .copy = "复制",
            .copied = "已复制",
            .qr = "二维码",
            .links = "单独的连接",
            .links_text = "通常无需使用：订阅已包含全部连接，并会自动更新。",
            .links_only = "展开一个连接，用应用扫描二维码，或将链接复制到应用中。",
            .too_long = "此链接过长，无法生成二维码，请直接复制。",
            .no_qr = "此链接没有二维码，请直接复制。",
            .help = "如果无法正常使用",
            .help_update = "在应用中更新订阅。",
            .help_server = "在应用的列表中选择其他连接。",
            .help_app = "换一个应用试试。",
            .help_mirror = "添加一个备用地址。",
            .help_clock = "检查设备的日期和时间是否正确。",
            .help_ask = "仍未解决？请在此咨询：",
            .units = {"B", "KB", "MB", "GB", "TB", "PB", "EB"},
            .decimal = ".",
        },
};
