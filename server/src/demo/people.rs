//! The people of a demo: nobody here is real. Names, titles and rates are invented, the variety is not: scripts, currencies and prices
//! are those that a marketplace of the whole world would show.

use domain::{category::Category, offer::OfferForm};

/// The password of both demo accounts; their addresses end in a name that cannot be reached from anywhere.
pub const PASSWORD: &str = "demo demo demo 42";

/// An account that a visitor can sign in to with one click.
#[derive(Clone, Copy, Debug)]
pub struct DemoAccount {
    /// The name shown to others.
    pub name: &'static str,
    /// The address to sign in with.
    pub email: &'static str,
    /// Her or his offers: none for a consumer.
    pub offers: &'static [DemoOffer],
}

/// A provider who is moved by a robot.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// The name shown to others.
    pub name: &'static str,
    /// What the person gives: one to three offers.
    pub offers: &'static [DemoOffer],
}

/// An offer as plain data.
#[derive(Clone, Copy, Debug)]
pub struct DemoOffer {
    /// Title.
    pub title: &'static str,
    /// Description.
    pub description: &'static str,
    /// Category.
    pub category: Category,
    /// Language tags, `en,es`.
    pub languages: &'static str,
    /// Media, `chat,voice,video`.
    pub media: &'static str,
    /// Price a minute in minor units.
    pub rate_minor: u32,
    /// ISO code of its currency.
    pub currency: &'static str,
    /// Seconds at the start that cost nothing.
    pub free_seconds: u32,
}

impl DemoOffer {
    /// The offer as a person would have typed it, so that it passes the same checks.
    pub fn form(&self) -> OfferForm {
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        OfferForm {
            title: self.title.into(),
            description: self.description.into(),
            category: self.category.as_str().into(),
            languages: list(self.languages),
            media: list(self.media),
            rate_minor: self.rate_minor.to_string(),
            currency: self.currency.into(),
            free_seconds: self.free_seconds.to_string(),
            draft: false,
        }
    }
}

macro_rules! offers {
    ($($category:ident $languages:literal $media:literal $minor:literal $currency:ident, free $free:literal:
       $title:literal $description:literal;)*) => {
        &[$(DemoOffer {
            title: $title,
            description: $description,
            category: Category::$category,
            languages: $languages,
            media: $media,
            rate_minor: $minor,
            currency: stringify!($currency),
            free_seconds: $free,
        }),*]
    };
}

macro_rules! people {
    ($($name:literal { $($offer:tt)+ })+) => {
        &[$(Person { name: $name, offers: offers!($($offer)+) }),+]
    };
}

/// The demo's provider: hers to hang out, no robot touches her.
pub const PROVIDER: DemoAccount = DemoAccount {
    name: "Mina Okabe",
    email: "mina@demo.noren.example",
    offers: offers! {
        Languages "ja,en" "chat,voice,video" 180 JPY, free 60: "Everyday Japanese, one small scene at a time"
            "Ordering at a counter, calling a landlord, small talk with the neighbours: pick a scene and we play it until it feels easy. I correct gently and send you three sentences to keep.";
        Interpreting "ja,en" "voice,video" 320 JPY, free 0: "Interpreter for a phone call in Japan"
            "Your delivery is lost or the clinic speaks no English? Put me on the line and I interpret both ways, calmly and word for word. Have the number and your question ready.";
        Other "ja,en" "chat" 0 JPY, free 0: "What does this letter from the city office say?"
            "Send me the text and I tell you in plain words what it wants from you, and by when. Free, because everybody was new in town once.";
    },
};

/// The demo's consumer.
pub const CONSUMER: DemoAccount = DemoAccount { name: "Kaz Lindqvist", email: "kaz@demo.noren.example", offers: &[] };

/// Everybody else.
pub const PEOPLE: &[Person] = people! {
    // Languages
    "Marisol Leiva" {
        Languages "es,en" "chat,voice,video" 120 EUR, free 60: "Spanish conversation, at your level"
            "We talk about your week, and I write down every phrase you were looking for. Ten years of teaching in Valencia, no textbook needed.";
        Languages "es" "chat" 60 EUR, free 0: "Corrijo tu correo en español"
            "Pega tu texto y lo dejamos natural, con el tono que necesitas. Te explico cada cambio en una línea.";
    }
    "佐藤 美咲" {
        Languages "ja,en" "chat,voice" 150 JPY, free 60: "やさしい日本語で話しましょう"
            "N4からN2くらいの方へ。ゆっくり話します。間違えても大丈夫、最後に今日の表現を三つまとめて送ります。";
        Tutoring "ja" "chat,voice,video" 200 JPY, free 0: "JLPT N2 文法の質問、その場で解決"
            "似ている文型の違いを、短い例文で説明します。問題集のページを写して送ってください。";
    }
    "Olena Kovalchuk" {
        Languages "uk,en,pl" "voice,video" 1400 UAH, free 120: "Українська для початківців"
            "Вчимося говорити з першої хвилини: привітання, покупки, дорога. Пояснюю англійською або польською, якщо треба.";
    }
    "Layla Haddad" {
        Languages "ar,fr,en" "chat,voice,video" 110 EUR, free 60: "محادثة باللهجة الشامية"
            "نتحدث عن يومك باللهجة التي ستسمعها في الشارع، وأكتب لك الجمل الجديدة. مناسبة لمن يعرف الحروف والأساسيات.";
        Languages "ar,en" "chat" 70 EUR, free 0: "Arabic script: I check your handwriting"
            "Send a photo of your page. I mark what a reader would stumble over and show you the stroke order.";
    }
    "Bruno Azevedo" {
        Languages "pt-BR,en,es" "chat,voice,video" 220 BRL, free 60: "Português do Brasil sem vergonha de errar"
            "Conversa de verdade: futebol, receitas, trabalho, o que você quiser. Eu anoto os erros e voltamos a eles no fim.";
    }
    "Freja Nyholm" {
        Languages "da,sv,en" "voice,video" 900 DKK, free 30: "Danish sounds: finally hear the soft d"
            "Short drills for the sounds that Danes swallow. Bring three words that nobody understands when you say them.";
    }
    // Interpreting
    "Tomasz Wrona" {
        Interpreting "pl,de,en" "voice,video" 350 PLN, free 0: "Polnisch-Deutsch am Telefon, sofort"
            "Werkstatt, Amt, Arzttermin: Ich dolmetsche in beide Richtungen und fasse am Ende zusammen, was vereinbart wurde.";
        Interpreting "pl,en" "chat" 200 PLN, free 60: "Tłumaczenie krótkich wiadomości na żywo"
            "Wklej wiadomość, a ja od razu piszę odpowiedź, która brzmi po polsku uprzejmie i konkretnie.";
    }
    "Nguyễn Thu Hà" {
        Interpreting "vi,en" "voice,video" 75 USD, free 60: "Vietnamese interpreter for clinics and schools"
            "I have interpreted parent evenings and check-ups for eight years. I say what was said, no more and no less.";
    }
    "Rustam Karimov" {
        Interpreting "ru,en" "voice" 95 USD, free 0: "Переводчик на деловой звонок"
            "Поставки, сроки, претензии: перевожу последовательно и сохраняю тон обеих сторон. Пришлите имена и термины заранее в чат.";
        Interpreting "ru,en" "chat" 60 USD, free 60: "Russian chat interpreter for marketplaces"
            "You write in English, the seller reads good Russian, and the other way round. Fast and friendly.";
    }
    "김서연" {
        Interpreting "ko,en" "voice,video" 1500 KRW, free 60: "한국어-영어 통역, 병원과 은행"
            "전화나 화상으로 바로 도와드립니다. 서류가 있으면 사진을 먼저 보내 주세요.";
        Languages "ko,en" "chat,voice" 900 KRW, free 120: "Korean small talk with honest corrections"
            "We chat as colleagues would over coffee. I tell you when a phrase is too stiff, too soft, or from a drama.";
    }
    "Samira Rahimi" {
        Interpreting "fa,en,de" "voice,video" 140 EUR, free 60: "Farsi and Dari interpreting for families"
            "For appointments with the school, the landlord or the clinic. I grew up between these languages and know which words hurt.";
    }
    "Yohannes Bekele" {
        Interpreting "am,en" "voice" 55 USD, free 120: "Amharic - English on the phone"
            "Bank, embassy or family: I join the call and interpret line by line. Short calls are welcome.";
    }
    // Tutoring
    "Priya Raghunathan" {
        Tutoring "en,ta,hi" "chat,voice,video" 2500 INR, free 120: "Stuck on calculus? Show me the line"
            "Send the exact step where you got lost and we go on from there. Limits, integrals, series; school and first-year university.";
        Tutoring "en,hi" "chat" 1200 INR, free 60: "JEE physics doubts, one at a time"
            "One doubt, one clear picture, one similar problem for you to solve while I watch. No shortcuts that fail in the exam.";
    }
    "Dr. Emeka Obiora" {
        Tutoring "en" "chat,voice,video" 110 GBP, free 60: "Chemistry for A-level and first year"
            "Mechanisms, moles and buffers, drawn live until the arrows make sense. I taught in Leeds and still love a good titration.";
    }
    "陈思远" {
        Tutoring "zh,en" "chat,voice,video" 80 USD, free 60: "高中数学：把这一步讲清楚"
            "拍下题目发给我。我们从你卡住的那一步开始，用两种方法讲，再做一道类似的题。";
        Tutoring "zh,en" "chat" 50 USD, free 0: "Statistics homework: which test, and why"
            "Tell me the question and how the data was collected. You leave with the right test and the sentence for your report.";
    }
    "Anouk Verbeek" {
        Tutoring "nl,en" "voice,video" 95 EUR, free 60: "Scriptiehulp: van chaos naar hoofdstuk"
            "We maken samen een indeling die klopt met je onderzoeksvraag. Daarna schrijf jij, en ik lees mee.";
    }
    "Mateus Ferraz" {
        Tutoring "pt-BR" "chat,voice,video" 180 BRL, free 120: "Redação do ENEM: leio e comento na hora"
            "Envie a foto da sua redação. Comento tese, argumentos e proposta, e você reescreve um parágrafo comigo.";
    }
    "Ingrid Solheim" {
        Tutoring "no,en" "chat,video" 1100 NOK, free 60: "Fysikk 1 og 2, rolig forklart"
            "Vi tegner kreftene først og regner etterpå. Ta med oppgaven du ga opp i går.";
    }
    "अनिल जोशी" {
        Tutoring "hi,en" "chat,voice" 900 INR, free 300: "कक्षा 9-10 गणित के सवाल"
            "सवाल की फोटो भेजिए, हम साथ में हल करेंगे। हर चरण का कारण बताता हूँ, रटना नहीं पड़ेगा।";
    }
    // Careers
    "Hannah Whitlock" {
        Careers "en" "chat,voice,video" 140 GBP, free 60: "Mock interview with blunt, kind feedback"
            "I hired for twelve years and know what is written down after you leave the room. Ten minutes of questions, five of notes.";
        Careers "en" "chat" 90 GBP, free 0: "CV in six seconds: what a recruiter sees"
            "Paste your CV. I tell you what I noticed first, what I missed, and which two lines to move up.";
    }
    "Carlos Mendizábal" {
        Careers "es,en" "voice,video" 1300 MXN, free 120: "Negocia tu sueldo: ensayamos la llamada"
            "Yo soy tu jefe, tú pides el aumento. Lo repetimos hasta que la cifra salga sin temblar.";
    }
    "Aino Lehtimäki" {
        Careers "fi,sv,en" "chat,video" 105 EUR, free 60: "Työhakemus, joka kuulostaa sinulta"
            "Luetaan hakemuksesi yhdessä ja poistetaan kaikki, minkä kuka tahansa olisi voinut kirjoittaa.";
    }
    "Kwame Asante-Boateng" {
        Careers "en,fr" "chat,voice" 60 USD, free 300: "First job in tech, from a non-tech life"
            "I was a nurse before I wrote code. Ask me what to learn, what to leave, and how to tell your story.";
    }
    "山本 健太" {
        Careers "ja,en" "voice,video" 280 JPY, free 60: "英語面接の練習、30分で二周"
            "実際に聞かれる質問で模擬面接をします。答えの順番と言い回しを、その場で直します。";
    }
    // Business
    "Claudine Moreau" {
        Business "fr,en" "chat,voice,video" 190 EUR, free 60: "Votre premier prix : ni gratuit, ni au hasard"
            "On calcule ensemble ce que coûte votre heure, puis on prépare la phrase pour l'annoncer. Pour indépendants et petits ateliers.";
        Business "fr,en" "chat" 110 EUR, free 0: "Relecture d'une offre avant l'envoi"
            "Collez votre offre : je signale ce qui manque, ce qui engage trop et ce que le client ne lira pas.";
    }
    "Arjun Venkatesan" {
        Business "en,ta" "voice,video" 3500 INR, free 120: "Pitch it to me before you pitch it to them"
            "Three minutes of pitch, then the questions an investor would ask. I took two small companies through it, one of them well.";
    }
    "Sofia Lindgren" {
        Business "sv,en" "chat,voice" 1500 SEK, free 60: "Bokföring för enskild firma, fråga direkt"
            "Moms, kvitton, egenavgifter: ställ frågan så svarar jag med exempel. Inga dumma frågor finns här.";
    }
    "Giulia Ferrante" {
        Business "it,en" "voice,video" 160 EUR, free 60: "Aprire un piccolo negozio online"
            "Spedizioni, resi, foto, prezzi: partiamo da quello che hai già e facciamo una lista corta per questa settimana.";
    }
    "Darius Petrauskas" {
        Business "en,ru" "chat,voice,video" 130 USD, free 0: "Spreadsheet surgeon for cash-flow plans"
            "Share your sheet on video. We find the formula that lies and build a view you can read on Monday mornings.";
    }
    "林 怡君" {
        Business "zh-Hant-TW,en" "chat,voice" 85 USD, free 60: "跨境電商：定價、運費、退貨"
            "告訴我你的商品和目的地，我們一起算出真正的成本，再看平台怎麼選。";
    }
    // Legal
    "Beatriz Salgueiro" {
        Legal "pt,es,en" "chat,voice" 170 EUR, free 60: "Rental contract: what am I signing?"
            "We read your contract together, clause by clause, in plain words. Orientation, not representation: I say when you need a lawyer on site.";
    }
    "Jonas Achterberg" {
        Legal "de,en" "voice,video" 240 CHF, free 0: "Kündigung erhalten? Fristen zuerst"
            "Wir klären, welche Frist läuft, was Sie heute tun sollten und was warten kann. Halten Sie das Schreiben bereit.";
        Legal "de,en" "chat" 180 CHF, free 60: "Kurze Frage zum Arbeitsvertrag"
            "Eine Klausel, eine verständliche Antwort. Wenn es mehr braucht, sage ich es ehrlich.";
    }
    "Rania Mansour" {
        Legal "ar,fr" "chat,voice" 120 EUR, free 60: "أسئلة عن أوراق الإقامة"
            "أشرح لك الخطوات والوثائق المطلوبة ببساطة، ونراجع ملفك قبل الموعد. إرشاد عام وليس تمثيلاً قانونياً.";
    }
    "Nicole Abernathy" {
        Legal "en" "chat,voice,video" 250 USD, free 60: "Freelance contracts: red flags in ten minutes"
            "Payment terms, ownership, who pays when it goes wrong. I mark the three lines that I would not sign as they stand.";
    }
    "Zofia Malinowska" {
        Legal "pl,en" "chat,voice" 420 PLN, free 60: "Reklamacja i zwrot: co ci się należy"
            "Sprawdzimy terminy i napiszemy jedno krótkie pismo do sklepu. Miej pod ręką paragon i korespondencję.";
    }
    // Health
    "Nadia Brandt" {
        Health "de,en" "voice,video" 130 EUR, free 120: "Back pain at the desk: move with me"
            "I am a physiotherapist. We look at how you sit, do four exercises together and choose the two you will really keep. Not for emergencies.";
    }
    "Dr. Meera Kulkarni" {
        Health "en,hi,mr" "chat,voice" 3000 INR, free 60: "Understand your lab report"
            "Send the values and I explain what each one means and what to ask your own doctor. I do not prescribe here.";
    }
    "Lucía Echeverri" {
        Health "es,en" "voice,video" 80 USD, free 120: "Dormir mejor: revisemos tu noche"
            "Repasamos horarios, luz y costumbres, y elegimos dos cambios para esta semana. Soy psicóloga y hablo despacio.";
        Health "es" "chat" 0 USD, free 0: "Cinco minutos de calma, escribiendo"
            "Si el día pesa, escribe. Te acompaño con un ejercicio corto de respiración. Gratis, sin registro de nada.";
    }
    "Eilidh MacRae" {
        Health "en" "chat,voice,video" 95 GBP, free 60: "New parent at 3 a.m.: feeding questions"
            "Lactation counsellor and mother of twins. Ask what you would not ask at noon; I tell you when it is time to call a midwife.";
    }
    "สมชาย วงศ์ดี" {
        Health "th,en" "voice,video" 1500 THB, free 120: "ยืดเหยียดคลายเมื่อย 15 นาที"
            "ทำตามทีละท่า เหมาะกับคนนั่งทำงานทั้งวัน บอกก่อนได้ว่าเจ็บตรงไหน แล้วเราจะเลี่ยงท่านั้น";
    }
    // Fortune telling
    "Madame Oriane" {
        Fortune "fr,en" "chat,voice,video" 150 EUR, free 120: "Tarot de Marseille, trois cartes, une question"
            "Je tire devant vous et nous lisons ensemble. Ni promesses ni peurs : un miroir pour réfléchir.";
    }
    "星野 るり" {
        Fortune "ja" "chat,voice" 220 JPY, free 60: "タロットと夢の話"
            "見た夢を聞かせてください。カードを引きながら、いま気になっていることをゆっくり言葉にします。";
        Fortune "ja,en" "chat" 120 JPY, free 60: "今日の一枚"
            "朝の一枚、夜の一枚。短く、やさしく、背中を押す言葉で。";
    }
    "Defne Yıldırım" {
        Fortune "tr,en" "chat,video" 2500 TRY, free 60: "Kahve falı: fincanını göster"
            "Fincanın üç fotoğrafını gönder, gördüğüm şekilleri anlatayım. Neyse halin çıksın falın.";
    }
    "Stellan Moberg" {
        Fortune "sv,en" "voice,video" 1400 SEK, free 60: "Your birth chart without the fog"
            "We read three places in your chart and talk about what they could mean for a choice you face. For curious sceptics, too.";
    }
    "王慧敏" {
        Fortune "zh,en" "chat,voice" 90 USD, free 60: "易經問事，一事一卦"
            "先把問題說清楚，再起卦。解卦時我會說明每一爻的意思，決定仍然由你來做。";
    }
    "Rosalba Quiñones" {
        Fortune "es" "voice" 800 MXN, free 120: "Baraja española: amor y trabajo"
            "Me cuentas, barajo, y leemos sin dramas. Si no veo nada, también te lo digo.";
    }
    // Technology
    "Viktor Halloran" {
        Technology "en" "chat,voice,video" 150 USD, free 120: "Laptop slow? We find out why, together"
            "Share your screen and I show you what eats your memory. You click, I explain, nothing is installed without your word.";
    }
    "Ama Owusu" {
        Technology "en,fr" "chat,voice,video" 90 USD, free 60: "Rust borrow checker therapy"
            "Paste the error and ten lines around it. We find out who should own what, and you keep the mental picture.";
        Technology "en" "chat" 60 USD, free 60: "Code review of one pull request"
            "I read it as your future colleague would: names, tests, what happens when it fails. Up to 200 lines.";
    }
    "Дмитро Савчук" {
        Technology "uk,en" "chat,voice" 1500 UAH, free 60: "Linux-сервер не відповідає? Дивимось разом"
            "Диски, пам'ять, логи, мережа: перевіряємо по черзі. Команди вводите ви, я пояснюю кожну.";
    }
    "Lena Obermaier" {
        Technology "de,en" "voice,video" 120 EUR, free 120: "Handy-Hilfe für Eltern und Großeltern"
            "Fotos sichern, Schrift größer, Enkel anrufen. In Ruhe, auf Deutsch, und beim dritten Mal genauso freundlich.";
    }
    "מאיה פרידמן" {
        Technology "he,en" "chat,voice,video" 130 USD, free 60: "עזרה בגיליונות ונוסחאות"
            "שולחים צילום מסך של הגיליון, ואני בונה איתכם את הנוסחה צעד אחר צעד. בסוף תדעו לשנות אותה לבד.";
    }
    "Oskar Dvořák" {
        Technology "cs,en" "chat,voice" 1800 CZK, free 60: "Domácí wi-fi bez mrtvých koutů"
            "Pošlete plánek bytu a model routeru. Řekneme si, kam ho dát, jaký kanál zvolit a co nekupovat.";
    }
    "ภาวิณี ศรีสุข" {
        Technology "th,en" "chat" 1200 THB, free 60: "ถามเรื่องเว็บไซต์ร้านค้าได้เลย"
            "ตั้งค่าโดเมน อีเมล และหน้าร้าน อธิบายเป็นภาษาคนทั่วไป ส่งลิงก์มาแล้วดูไปพร้อมกัน";
    }
    // Repair
    "Patrick Gallaway" {
        Repair "en" "voice,video" 130 AUD, free 120: "Leaking tap? Point your camera at it"
            "Thirty years under sinks in Adelaide. I tell you which valve to close first, which washer to buy and when to stop.";
    }
    "Ewa Zielińska" {
        Repair "pl,en" "chat,video" 280 PLN, free 60: "Maszyna do szycia plącze nić"
            "Pokaż ścieg i nawleczenie, a znajdziemy przyczynę. Zwykle to naprężenie, igła albo kłaczki, i zrobisz to sama.";
    }
    "Jean-Baptiste Kouassi" {
        Repair "fr" "voice,video" 85 EUR, free 60: "Vélo : dérailleur, freins, roue voilée"
            "Posez le téléphone devant la roue et suivez-moi. Une clé de 5, un tournevis et dix minutes suffisent souvent.";
        Repair "fr,en" "chat" 50 EUR, free 0: "Quelle pièce pour mon vélo ?"
            "Envoyez trois photos et la taille écrite sur le pneu. Je vous donne la référence qui va.";
    }
    "Hye-jin Park" {
        Repair "ko,en" "chat,video" 1200 KRW, free 60: "Phone screen or battery: repair or replace?"
            "Show me the damage. I tell you what the part costs, how hard it is, and whether I would do it at home.";
    }
    "Raimundo Teles" {
        Repair "pt-BR,es" "voice,video" 250 BRL, free 120: "Geladeira não gela: o que olhar primeiro"
            "Borracha, ventilador, termostato, gelo atrás do painel. Vamos por ordem, com a tomada fora da parede.";
    }
    "Aroha Tamihana" {
        Repair "en" "chat,voice,video" 110 NZD, free 60: "Old wooden windows that stick and rattle"
            "Planing, sash cords, paint that glued them shut: we look, I say what is a Saturday's work and what is not.";
    }
    // Arts
    "Mirela Ionescu" {
        Arts "ro,en,fr" "voice,video" 100 EUR, free 60: "Violin: one bar, ten minutes, no fear"
            "Play me the bar that never works. We slow it down, fix the left hand, and you leave with a way to practise it.";
    }
    "Théo Castelnau" {
        Arts "fr,en" "chat,video" 90 EUR, free 60: "Aquarelle : sauvons cette feuille"
            "Montrez-moi la peinture qui a mal tourné. On garde la lumière, on assume une tache, et on apprend le prochain geste.";
    }
    "Sunniva Bakke" {
        Arts "no,en" "chat,voice" 900 NOK, free 120: "First page of your novel, read aloud"
            "I read your first page to you, slowly, and stop where a reader would. Then we talk about that spot only.";
    }
    "Ravi Chandrasekar" {
        Arts "en,ta,te" "voice,video" 2000 INR, free 60: "Carnatic vocals: find your sruti"
            "Warm-up, varisai, and the phrase that slides away. Beginners sing from the second minute.";
        Arts "en" "chat" 0 INR, free 0: "Which raga is this?"
            "Hum it in a message or write the notes. I name it if I can, and send you one recording to look for.";
    }
    "Camille Desrosiers" {
        Arts "fr,en" "chat,voice,video" 95 CAD, free 60: "Photo portfolio: keep twelve, drop the rest"
            "Share the folder on video. We choose, order and title, and I tell you which picture I still remember at the end.";
    }
    "فاطمة الزهراء" {
        Arts "ar,en" "video,chat" 85 USD, free 120: "خط النسخ للمبتدئين"
            "نجهز القلم والحبر ثم نكتب خمسة حروف ببطء. أصحح الزوايا والمسافات وأنت تكتب أمامي.";
    }
    // Other
    "Greta Thormann" {
        Other "de,en" "chat,voice,video" 80 EUR, free 120: "Houseplant clinic: show me the leaves"
            "Yellow, brown, sticky or sad: hold it to the camera. I ask about light and water and give you one thing to change.";
    }
    "Themba Nkosi" {
        Other "en,zu" "chat,voice" 900 ZAR, free 60: "Stargazing guide for the southern sky"
            "Tell me where you stand and which way you look. I lead you from the Cross to two things you have never noticed.";
    }
    "Mei-Ling Ong" {
        Other "en,zh,ms" "voice,video" 110 SGD, free 60: "Cook laksa with me, step by step"
            "You cook, I watch the pot with you. From paste to bowl in forty minutes, with swaps for what your shop does not have.";
    }
    "Ελένη Παππά" {
        Other "el,en" "chat,voice" 70 EUR, free 60: "Ταξίδι στα νησιά: πού να μείνω;"
            "Πες μου πόσες μέρες έχεις και τι σε ξεκουράζει. Φτιάχνουμε μια διαδρομή που βγαίνει με τα καράβια.";
    }
    "Katalin Fekete" {
        Other "hu,de,en" "chat" 0 EUR, free 0: "Just landed in Budapest? Ask a local"
            "Which ticket, which office, which bakery. I answer between two trams, for free, because I like my city.";
    }
    "Benedikt Aschwanden" {
        Other "de,fr,en" "chat,voice,video" 160 CHF, free 60: "Hiking plan for tomorrow, by the forecast"
            "We match the weather, your knees and the last train. You get two routes in the Alps and an honest word about the pass.";
    }
};

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        account::{Email, NewPassword},
        offer::Status,
        text::DisplayName,
    };
    use std::collections::HashSet;

    fn offers() -> impl Iterator<Item = &'static DemoOffer> {
        PEOPLE.iter().flat_map(|p| p.offers).chain(PROVIDER.offers)
    }

    #[test]
    fn every_name_and_every_offer_passes_the_checks_of_real_ones() {
        for name in PEOPLE.iter().map(|p| p.name).chain([PROVIDER.name, CONSUMER.name]) {
            assert_eq!(DisplayName::parse(name).map(String::from), Ok(name.into()));
        }
        for offer in offers() {
            let content = offer.form().parse().unwrap_or_else(|e| panic!("{}: {e:?}", offer.title));
            assert_eq!((content.title.as_str(), content.status), (offer.title, Status::Listed));
            assert!(offer.free_seconds <= 300, "{}", offer.title);
        }
        for account in [PROVIDER, CONSUMER] {
            let email = Email::parse(account.email).unwrap();
            assert!(NewPassword::parse(PASSWORD, Some(&email)).is_ok());
        }
    }

    #[test]
    fn nobody_and_nothing_is_there_twice() {
        let names: HashSet<_> = PEOPLE.iter().map(|p| p.name).chain([PROVIDER.name, CONSUMER.name]).collect();
        assert_eq!(names.len(), PEOPLE.len() + 2);
        assert_eq!(offers().map(|o| o.title).collect::<HashSet<_>>().len(), offers().count());
        assert_eq!(offers().map(|o| o.description).collect::<HashSet<_>>().len(), offers().count());
    }

    #[test]
    fn they_are_many_and_of_every_kind() {
        assert!(PEOPLE.len() >= 64, "{} people", PEOPLE.len());
        assert!(PEOPLE.iter().all(|p| (1..=3).contains(&p.offers.len())));
        for category in Category::ALL {
            assert!(PEOPLE.iter().filter(|p| p.offers.iter().any(|o| o.category == *category)).count() >= 4, "{}", category.label());
        }
        assert!(offers().map(|o| o.currency).collect::<HashSet<_>>().len() >= 12);
        assert!(offers().flat_map(|o| o.languages.split(',')).collect::<HashSet<_>>().len() >= 20);
        assert!(offers().any(|o| o.rate_minor == 0));
        for medium in ["chat", "voice", "video"] {
            assert!(offers().any(|o| o.media.split(',').any(|m| m == medium)));
        }
    }
}
