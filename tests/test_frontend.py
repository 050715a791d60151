"""The text front end: what is written, and the words that are said for it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import BadInput
from models.speech.frontend import prepare, split_sentences

ZH = [
    # prices
    ("到手价¥9.9", "到手价九点九元"),
    ("￥9.90起", "九点九元起"),
    ("仅¥9.00", "仅九元"),
    ("1,299元", "一千二百九十九元"),
    ("$4.99/月", "四点九九美元每月"),
    ("$4.99/month", "四点九九美元每月"),
    ("¥99-199", "九十九到一百九十九元"),
    ("券后¥1.2万", "券后一点二万元"),
    ("19.9元/斤", "十九点九元每斤"),
    ("2.50元", "二点五元"),
    ("€20", "二十欧元"),
    # dates and times
    ("2026年11月22日", "二零二六年十一月二十二日"),
    ("2026-11-22", "二零二六年十一月二十二日"),
    ("2026/1/5", "二零二六年一月五日"),
    ("11/22开售", "十一月二十二日开售"),
    ("10月1日-10月7日", "十月一日到十月七日"),
    ("19:30开播", "十九点三十分开播"),
    ("9:00-21:00", "九点到二十一点"),
    ("09:05", "九点零五分"),
    ("2:00见", "两点见"),
    ("周一~周五", "周一到周五"),
    ("2026款", "二零二六款"),
    ("90后", "九零后"),
    ("双11", "双十一"),
    ("618大促", "六一八大促"),
    ("30秒速溶", "三十秒速溶"),
    ("低温慢萃12小时", "低温慢萃十二小时"),
    ("15min", "十五分钟"),
    # ranges, percentages, fractions, ratios
    ("3-5天", "三到五天"),
    ("2-3人", "两到三人"),
    ("3~5kg", "三到五公斤"),
    ("20%", "百分之二十"),
    ("10%~20%", "百分之十到百分之二十"),
    ("10-20%", "百分之十到百分之二十"),
    ("100%棉", "百分之百棉"),
    ("1/2", "二分之一"),
    ("3/4", "四分之三"),
    ("16:9", "十六比九"),
    ("9:16竖屏", "九比十六竖屏"),
    ("7×24小时", "七乘二十四小时"),
    # units
    ("5kg", "五公斤"),
    ("120km/h", "一百二十公里每小时"),
    ("500ml", "五百毫升"),
    ("2L", "两升"),
    ("36.5°C", "三十六点五摄氏度"),
    ("-18℃", "零下十八摄氏度"),
    ("2-8℃", "二到八摄氏度"),
    ("30m²", "三十平方米"),
    ("5000mAh", "五千毫安时"),
    ("10w", "十万"),
    # counting
    ("2个", "两个"),
    ("2杯", "两杯"),
    ("第2个", "第二个"),
    ("2月2日", "二月二日"),
    ("12个", "十二个"),
    ("2000元", "两千元"),
    ("22000", "两万两千"),
    ("200元", "二百元"),
    ("100+款", "一百多款"),
    ("第1名", "第一名"),
    ("0糖0脂", "零糖零脂"),
    ("首单立减5元", "首单立减五元"),
    ("3.14", "三点一四"),
    ("-5分", "负五分"),
    # telephone numbers and codes
    ("拨打13812345678", "拨打幺三八，幺二三四，五六七八"),
    ("138 1234 5678", "幺三八，幺二三四，五六七八"),
    ("400-800-1234", "四零零，八零零，幺二三四"),
    ("010-62345678", "零幺零，六二三四五六七八"),
    ("验证码8301", "验证码八三零一"),
    # names of models, letters, English
    ("A17芯片", "A十七芯片"),
    ("iPhone 17 Pro", "iPhone十七Pro"),
    ("RTX 4090显卡", "R T X四零九零显卡"),
    ("5G网络", "五G网络"),
    ("256GB", "二百五十六G B"),
    ("1080p", "一零八零P"),
    ("PM2.5", "P M二点五"),
    ("v2.0.1", "V二点零点一"),
    ("下载APP", "下载A P P"),
    ("ChatGPT助手", "ChatGPT助手"),
    ("买1送1&包邮", "买一送一和包邮"),
    ("www.xingye.com", "W W W点xingye点com"),
    # marks
    ("好喝😀！", "好喝！"),
    ("限时（今天）抢购", "限时，今天，抢购"),
    ("快来……", "快来……"),
    ("５Ｇ１２", "五G十二"),
]

EN = [
    ("$4.99/month", "four dollars and ninety-nine cents per month"),
    ("$5", "five dollars"),
    ("$1", "one dollar"),
    ("$0.99", "ninety-nine cents"),
    ("$1,299", "one thousand two hundred ninety-nine dollars"),
    ("$1.5 million", "one point five million dollars"),
    ("$10-$20", "ten to twenty dollars"),
    ("£20", "twenty pounds"),
    ("€3.50", "three euros and fifty cents"),
    ("¥9.9", "nine point nine yuan"),
    ("20%", "twenty percent"),
    ("10-20% off", "ten to twenty percent off"),
    ("Nov. 22, 2026", "November twenty-second twenty twenty-six"),
    ("22 November 2026", "November twenty-second twenty twenty-six"),
    ("2026-11-22", "November twenty-second twenty twenty-six"),
    ("11/22/2026", "November twenty-second twenty twenty-six"),
    ("in 1999", "in nineteen ninety-nine"),
    ("the 1990s", "the nineteen nineties"),
    ("in 2005", "in two thousand five"),
    ("7:30pm", "seven thirty P M"),
    ("9am-5pm", "nine A M to five P M"),
    ("19:05", "nineteen oh five"),
    ("24/7", "twenty-four seven"),
    ("1st, 2nd and 23rd", "first, second and twenty-third"),
    ("3-5 days", "three to five days"),
    ("1/2 cup", "one half cup"),
    ("3/4", "three quarters"),
    ("16:9", "sixteen to nine"),
    ("2.5 kg", "two point five kilograms"),
    ("1 kg", "one kilogram"),
    ("60 km/h", "sixty kilometers per hour"),
    ("-18°C", "minus eighteen degrees Celsius"),
    ("256GB", "two hundred fifty-six gigabytes"),
    ("12-hour brew", "twelve hour brew"),
    ("30s", "thirty seconds"),
    ("in your 30s", "in your thirties"),
    ("3x faster", "three times faster"),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("1-800-555-0199", "one, eight hundred, five five five, oh one nine nine"),
    ("Dr. Smith", "Doctor Smith"),
    ("apps, e.g. maps", "apps, for example maps"),
    ("A17", "A seventeen"),
    ("RTX 4090", "RTX forty ninety"),
    ("B2B", "B two B"),
    ("v2.0.1", "version two point zero point one"),
    ("salt & pepper", "salt and pepper"),
    ("#1 choice", "number one choice"),
    ("example.com/deals", "example dot com slash deals"),
    ("1,299 users", "one thousand two hundred ninety-nine users"),
    ("zero-sugar 🎉", "zero-sugar"),
]


@pytest.mark.parametrize(("written", "said"), ZH)
def test_chinese(written: str, said: str):
    assert "".join(sentence.spoken for sentence in prepare(written, language="zh")) == said


@pytest.mark.parametrize(("written", "said"), EN)
def test_english(written: str, said: str):
    assert " ".join(sentence.spoken for sentence in prepare(written, language="en")) == said


def test_other_languages_keep_their_words_and_say_their_own_numbers():
    (sentence,) = prepare("Nur 25 Tage: größte Auswahl!", language="de")
    assert sentence.spoken == "Nur fünfundzwanzig Tage: größte Auswahl!"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("你好。再见！", ["你好。", "再见！"]),
        ("圆周率是3.14。对吗？", ["圆周率是3.14。", "对吗？"]),
        ("他说：“真的吗？太好了！”然后走了。", ["他说：“真的吗？太好了！”", "然后走了。"]),
        ("等等……我来了。", ["等等……我来了。"]),
        ("Pi is 3.14. Nice!", ["Pi is 3.14.", "Nice!"]),
        (
            "Dr. Smith met J. K. Rowling at 9 a.m. today. They left.",
            ["Dr. Smith met J. K. Rowling at 9 a.m. today.", "They left."],
        ),
        ('"Really?" she asked. Yes.', ['"Really?" she asked.', "Yes."]),
        ("Wait... what? Wait... Really?", ["Wait... what?", "Wait...", "Really?"]),
        ("Visit example.com. Now.", ["Visit example.com.", "Now."]),
        ("很好用。It works. 真的！", ["很好用。", "It works.", "真的！"]),
        ("第一行\n第二行", ["第一行", "第二行"]),
        ("太棒了！！！😀😀", ["太棒了！！！😀😀"]),
        ("真的？！好。", ["真的？！", "好。"]),
        ("No. 5 is here. No. That is it.", ["No. 5 is here.", "No.", "That is it."]),
    ],
)
def test_sentences(text: str, sentences: list[str]):
    assert list(split_sentences(text)) == sentences


def test_a_wall_of_text_is_divided_at_commas():
    text = "这是一段没有句号的话，" * 200
    parts = split_sentences(text)
    assert "".join(parts) == text
    assert max(len(part) for part in parts) <= 400
    assert all(part.endswith("，") for part in parts)


def test_pronunciations_come_first():
    def said(word: str, reading: str, text: str, language: str = "zh"):
        (sentence,) = prepare(text, language=language, pronunciations={word: reading})
        return [piece for piece in sentence.pieces if piece.written == word]

    (piece,) = said("重庆", "chong2 qing4", "到重庆去")
    assert (piece.spoken, piece.reading, piece.script) == ("重庆", "chong2 qing4", "zh")
    (piece,) = said("萃", "脆", "冷萃咖啡")
    assert (piece.spoken, piece.reading) == ("脆", "")
    (piece,) = said("Xingye", "/ˈʃɪŋjeɪ/", "Try Xingye now", "en")
    assert (piece.reading, piece.script) == ("ˈʃɪŋjA", "en")
    (piece,) = said("Xingye", "shing yeh", "Try Xingye now", "en")
    assert piece.spoken == "shing yeh"
    (piece,) = said("A17", "A一七", "A17芯片")
    assert piece.spoken == "一七"
    assert said("App", "ap", "Apple is no App.", "en")[0].start == 12  # whole words only


@pytest.mark.parametrize("reading", ["xyz5 qing4", "/ɬa/", "123", " "])
def test_impossible_pronunciations_are_named(reading: str):
    with pytest.raises(BadInput, match="重庆"):
        prepare("重庆", language="zh", pronunciations={"重庆": reading})


@pytest.mark.parametrize("text", ["😀😀😀", "……", "   ", "---"])
def test_nothing_to_say_is_an_error(text: str):
    with pytest.raises(BadInput, match="nothing"):
        prepare(text, language="zh")


@pytest.mark.parametrize(("text", "language"), [("優の良品", "zh"), ("Привет", "en"), ("你好안녕", "zh")])
def test_scripts_that_cannot_be_read_are_named_not_dropped(text: str, language: str):
    with pytest.raises(BadInput, match="cannot be read"):
        prepare(text, language=language)


_ANYTHING = st.text(
    alphabet=st.one_of(
        st.sampled_from("0123456789.,:/-~%¥$€°+×#@&()（）“”\"'!?。，！？；：、… \n年月日个元第"),
        st.sampled_from("冷萃咖啡好喝上班族abcGHz kgkmAaPpMm😀"),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(_ANYTHING, st.sampled_from(["zh", "en"]))
def test_nothing_written_is_lost_and_no_digit_is_left_to_say(text: str, language: str):
    try:
        sentences = prepare(text, language=language)
    except BadInput:
        return
    for sentence in sentences:
        assert "".join(piece.written for piece in sentence.pieces) == sentence.text
        assert not any(character.isdigit() for character in sentence.spoken)
        at = 0
        for piece in sentence.pieces:
            assert piece.start == at
            at = piece.end


@settings(max_examples=200, deadline=None)
@given(_ANYTHING)
def test_splitting_keeps_every_character_but_white_space(text: str):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("现在9.9元", "现在九点九元"),
        ("现在9.9", "现在九点九"),
        ("截至9.9元", "截至九点九元"),
        ("到手9.5折", "到手九点五折"),
        ("9.9大促", "九月九日大促"),
        ("定于11.28举行", "定于十一月二十八日举行"),
    ],
)
def test_an_amount_is_not_a_date(written: str, said: str):
    assert [sentence.spoken for sentence in prepare(written, language="zh")] == [said]
