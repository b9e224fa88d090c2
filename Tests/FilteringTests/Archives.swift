import Message

/// Archives that were made by another program (Python's zipfile), in Base64.
enum Archives {
  static let clean = bytes(
    """
    UEsDBBQAAAAIAAAAIVDRidJCCgAAAGQAAAAKAAAAcmVhZG1lLnR4dMtIzcnJz6AtAQBQSwECFAMUAAAACAAAACFQ0YnSQgoAAABk\
    AAAACgAAAAAAAAAAAAAAgAEAAAAAcmVhZG1lLnR4dFBLBQYAAAAAAQABADgAAAAyAAAAAAA=
    """)
  static let program = bytes(
    """
    UEsDBBQAAAAIAAAAIVCGphA2BwAAAAUAAAAKAAAAcmVhZG1lLnR4dMtIzcnJBwBQSwMEFAAAAAgAAAAhUCYuDnoHAAAAygAAAA8A\
    AAB0b29scy9zZXR1cC5leGXzjWIYJgAAUEsBAhQDFAAAAAgAAAAhUIamEDYHAAAABQAAAAoAAAAAAAAAAAAAAIABAAAAAHJlYWRt\
    ZS50eHRQSwECFAMUAAAACAAAACFQJi4OegcAAADKAAAADwAAAAAAAAAAAAAAgAEvAAAAdG9vbHMvc2V0dXAuZXhlUEsFBgAAAAAC\
    AAIAdQAAAGMAAAAAAA==
    """)
  static let disguised = bytes(
    """
    UEsDBBQAAAAIAAAAIVAptmcaCAAAAC4BAAAJAAAAcGhvdG8uanBn841iGAVEAwBQSwECFAMUAAAACAAAACFQKbZnGggAAAAuAQAA\
    CQAAAAAAAAAAAAAAgAEAAAAAcGhvdG8uanBnUEsFBgAAAAABAAEANwAAAC8AAAAJAGEgY29tbWVudA==
    """)
  static let nested = bytes(
    """
    UEsDBBQAAAAIAAAAIVBRmoaFRAAAAHcAAAAJAAAAaW5uZXIuemlwC/BmZhFhYGDgAGLFgPDSuh52ICsNiEF0UWmeXmpF6ufepAXM\
    DAwB3oxMIsy4VcNAAyMDQm+ANysbiMsIhKZAWgesBABQSwECFAMUAAAACAAAACFQUZqGhUQAAAB3AAAACQAAAAAAAAAAAAAAgAEA\
    AAAAaW5uZXIuemlwUEsFBgAAAAABAAEANwAAAGsAAAAAAA==
    """)
  static let nestedTwice = bytes(
    """
    UEsDBBQAAAAIAAAAIVCBiaOAfwAAALEAAAAJAAAAaW5uZXIuemlwC/BmZhFhYGDgAGLFgAffzcPsgax8qEhKamqBXlVmAfeHtDTB\
    xISEBwxJRxvSNlrbnnEQUxbYzFTYGufpejKLrY0h301NMO3Oq4QFjCoMF0UfnD11jCHs0IkEniVXD3AxBHgzMokw47YGBhoYGZAs\
    DfBmZQPxGYHQDEingtUAAFBLAQIUAxQAAAAIAAAAIVCBiaOAfwAAALEAAAAJAAAAAAAAAAAAAACAAQAAAABpbm5lci56aXBQSwUG\
    AAAAAAEAAQA3AAAApgAAAAAA
    """)
  static let macros = bytes(
    """
    UEsDBBQAAAAIAAAAIVArhCYSBgAAAAQAAAATAAAAW0NvbnRlbnRfVHlwZXNdLnhtbLOp0LcDAFBLAwQUAAAACAAAACFQP94aBwYA\
    AAAEAAAAEQAAAHdvcmQvZG9jdW1lbnQueG1ss0nRtwMAUEsDBBQAAAAIAAAAIVCQdjBuBgAAAAQAAAATAAAAd29yZC92YmFQcm9q\
    ZWN0LmJpbrtwXvABAFBLAQIUAxQAAAAIAAAAIVArhCYSBgAAAAQAAAATAAAAAAAAAAAAAACAAQAAAABbQ29udGVudF9UeXBlc10u\
    eG1sUEsBAhQDFAAAAAgAAAAhUD/eGgcGAAAABAAAABEAAAAAAAAAAAAAAIABNwAAAHdvcmQvZG9jdW1lbnQueG1sUEsBAhQDFAAA\
    AAgAAAAhUJB2MG4GAAAABAAAABMAAAAAAAAAAAAAAIABbAAAAHdvcmQvdmJhUHJvamVjdC5iaW5QSwUGAAAAAAMAAwDBAAAAowAA\
    AAAA
    """)
  static let encrypted = bytes(
    """
    UEsDBBQAAQAIAAAAIVDRidJCCgAAAGQAAAAKAAAAcmVhZG1lLnR4dMtIzcnJz6AtAQBQSwECFAMUAAEACAAAACFQ0YnSQgoAAABk\
    AAAACgAAAAAAAAAAAAAAgAEAAAAAcmVhZG1lLnR4dFBLBQYAAAAAAQABADgAAAAyAAAAAAA=
    """)

  static func bytes(_ text: String) -> [UInt8] { Base64.decode(Array(text.utf8)) ?? [] }
}

/// Data that zlib has deflated, in Base64.
enum Deflated {
  static let text = Archives.bytes(
    """
    8yxRKE8sVijJSFVISi0uUchPUyjJzE0t1lHIRMiU5xchSekpeI5qGtU0qmlU06imUU2jmkY16SkwMDIxs7CysXNwcnHz8PLxCwgK\
    CYuIiolLSEpJy8jKySsoKimrqKqpa2hqaevo6ukbGBoZm5iamVtYWlnb2NrZOzg6Obu4url7eHp5+/j6+QcEBgWHhIaFR0RGRcfE\
    xsUnJCYlp6SmpWdkZmXn5OblFxQC7S8tK6+orKquqa2rb2hsam5pbWvv6Ozq7unt658wcdLkKVOnTZ8xc9bsOXPnzV+wcNHiJUuX\
    LV+xctXqNWvXrd+wcdPmLVu3bd+xc9fuPXv37T9w8NDhI0ePHT9x8tTpM2fPnb9w8dLlK1evXb9x89btO3fv3X/w8NHjJ0+fPX/x\
    8tXrN2/fvf/w8dPnL1+/ff/x89fvP3///R/1/8j2PwA=
    """)
  static let words = Archives.bytes(
    """
    HVVZsgMhCLwKVxORRUW4/1d6Uq/qZTKlQC90ZghVp0mPpFHhcgbhL+0Nr3Zyrz0eiW45z/am5PZ8eunOEs3bg3inqg8jz3srRi6y\
    x33tNY6NU8OVdAbPOWqQh+D6VA2lXaebxiYUDwmj4bjOSs8LT+fRJuNNc5O+WOhlpZx2hZ610O5xcg+ys+irkJfaJ8+lanTinkPb\
    acnhNzHWkSSfdLdUYGwgfUJGT6XIVSh39BEjHmOfopNznsKJvpjVtvmdMfHeafPRg9Iy3YcTXk/coW70mqS61tmyFy0+Rvsp4Uy9\
    KCqg0mhwyrTWikhQ4z30ULmDDX+Hwnle/ei+WhNz6Ypn3IknntBsrllOL/XUapIHGOEJCWoMD1N0tthRevuRJW0ZIIvmRcUzpOpS\
    ngYbNsLqbSq7UP3lme2bHiUAj0tvLzClxSFvXlTHsKhm5ofmvMW0A6VSG6SED+iI9lNpofdaXxsX2yROaKfMULDrwE/iSV0JYnYl\
    VZwmmxCkIYIBLx4XZwAnDebFADkN7zBunghyhon4PnszCMPixGOe1BdiL66FYWMGxODkAKUpKOF2KFvWB8RuHnpwIn/22+cGmKED\
    ywBy3Zwo0+TnXsx3dCzyJYpdoBCD3tNg03F7u2FR6lrPeCCxJya5NT7YdPYDu2BxaUBz8LEHrPIhvo1O0ne9RUp37RdwSrzTBqHn\
    XLZAaCyS1DEfw6eX5UkALdtMqQ3pASYxSLzdBopxgWuD7gh/sJfBZ+tFNJwNbjCoasGUtHAaXl9ANRnWtw3fYTmng6wcci4JeoMe\
    +aRlPFBeyBh0MCzl7Idl2ouFHF1GoAmlfBtPtdZc1Ad2W1kkK/YAf1Ljvc8vxdKwgtDFN3e5KhjpBr+HDT7ln96K8bDZqbAQ7IY4\
    ug2Dp3Rg6iQZUyvRQSAXsmf4U9gJwZK49hwcOZozTkJGYKt48NWpp5nWAS+FwtT4iE/iAbrgQWBZlYYVw5UEh6gCx2NNAfY27bmt\
    xgbQYITAkg9/iiFeBv6jVbA6dIS/ZelneMvjAleQqeVFitBhYl27GdsECPACf5FwVmAgsM8QgC7fCTPVQThc+zB/fkWqMUTCHFPj\
    TSwgUigam2jzHOgByOM8xT6ouYAdvLjYOR+jkaw8QBFCr7Y3wiBhY2gP1XrIg/mfIcWqNXaiyeACt2X9BSzLHcGYD31Q4QgtrI4P\
    vUiqV/MjHXJm4v3nglYkNvx8BBDf2LMFg19nAXb4afADPQgNGsPasMcOgqBV8TlPhk4y/HTAG2vSct5A/g9qsIfgRU1n2BE/OrDj\
    8z6f/BRY5YfkOdkDRkUWLsTDwg+QX+RAY1T4umSdqaDN6N57BMSEsW/wdPGBKF1osNTn/gE=
    """)
  static let fixed = Archives.bytes("S0xKToQhhYzUnJx8CAkA")
  static let stored = Archives.bytes("AQ8A8P9zdG9yZWQgYXMgaXQgaXM=")
  static let zeros = Archives.bytes(
    "7cExAQAAAMKg9U9tDQ+gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgFcD"
  )
  static let wordsText = """
    cid opmgdpam aoihdka a amgnahoph hhojan dfjdkngjj mbphmnfl lcodfmlpa bjmffhag hmlloiame gnbplgnpl la\
    koahf fcibccaoa hidfl cffif jokpp aj kngidig ahamebf nhohamkn j gbj cj fniea bgofbmgld ngpd jpakmja \
    gke ngidml phcbceffg kilkk jh edkbncme kdm hc ljdoi bj a nd g nfdo hfd mjipkdg baajko kmcckod gplif \
    gjghlcico kh jbkfkjh dchhah ciccaaj ppedkc ffeekjdje ebkg jnf h conio oamkfipan b eeeiim fchpafk ohh\
    kpphnk ihbclfgjj lfocd mfeingbpm mfbcid cecoh nmfkoep dnnd ihmag oaahigfje gijioflpn gm jdad j clj l\
    kadool mkpdm gaigonj ogl amnmkcphj n mif al njeoi fobidncl oa fcm jgghk cclob jil mmfp khiha knhigcf\
     eiofeeol mhdgj dh kpdfbba bpok dfdhm pomf hjom oikp gc a p mjgmfe a ebmieco abbeb dncga eigomkii hb\
    fl blngnci if eb nbbc pldkbeboe oaicikc bmbik imd dnhgk mpdeoa fglmk nl cbj knjklikad kkk oi olmcbeb\
    p hkllm okfae hedfn d idgicccgf nalpjhgph olgpcin ampc nbloagj d kjnnj jeoefian l mjaccam oilpk odpl\
    ene f lejni jninkpgpm ccegeha ie dmfacnbg nlbdndiif bgcmdojp dpdemgf injpgkpda ibojdh iihneeign beni\
    ipjip plph ffoebk egkppkdee hcbfd gjnk a hchik madkl die l cd khibl c mlh ki k le mcpnm hjebd hgn ai\
    iip mdl la oeece pklj emo deijaae doannil mobdpba d lil hhdlfdbk libnnml koheb dfpkda gmfmhdhk hoplp\
    g omdpiee m dacfomj edi o hmahnff hcffma gnhbgchmo bm dp h a oinfe konfmmgpi eiifcl eiiilm oaeei gcg\
    n eomg ce a mneechm jgm fhjelp jcjgoajdl ibbkfedd hgmdgme adgmp hibfhninm pdefa bpgmkhdc n gfgmlghl \
    kb bfejpbcm mj ilpbpan keicl madbadk lblcpc okafklgee mk nlkilbchi jccfinc jih dipb jgckkjebo baknfb\
     nfghdedio blok haapbf bahcf g ojhp lkmcgfgjn lapadnkk ng ppopfijmi jaboo hogpke nbdlaib makkj g kd \
    ej khafljj nocgnhb hhmm ejla opfea nkpkdj inajcpdhi lhbdfej c abna ba k aagpgi ihfgm h obkkndafc ghf\
     dbkec ehbjlbco hfdb bdch inhbi kllo mcnhpkf hc ijklnol kmpale fjeef eefcihlk ipj ne lodekcfpb g lll\
    kdf bigbhjk hlbhjag eh iefhcj
    """
}
