"""Names that are reserved for later versions, and commands that belong to a product: they say so instead of "unknown"."""

from __future__ import annotations

from .base import REGISTRY

_LATER: dict[int, str] = {
    1: "setq proc arrowfile order dedup fillnull bin explode prev repeat parsejson parsekv parsemap tojson pivot unpivot "
    "top rare describe join union lookup outputtxt outputarrow purge alter-table",
    2: "evalc peek serial parallel zipfile xmlfile xlsxfile wavfile lookuptable dbquery load result sample parsecsv parsexml "
    "signature rollup cube boxplot histogram eventstats streamjoin mpsearch window streamstats insert",
    4: "wget split balance kmeans lof rforest tfidf fit apply evaluate track plot dboutput",
}
_PRODUCT = {
    name: nearest
    for nearest, names in {
        "": "forensic siem sentry sentries evtctx evtctxadd evtctxget evtctxset evtctxdel evtctxmon cep license licence node nodes "
        "federation ntfsmft ntfsusn prefetchfile lnkfile recyclebinfile pcapdecode packet ssh ldap snmpget logcheck agent agents",
        "textfile": "logger loggers evtxfile hivefile ftp sftp remotefile",
        "parquetfile": "hdfs",
        "textfile and parse": "pcapfile pcap decodedns decodehttp decodedhcp decodesmtp",
        "import": "collector collectors",
        "search": "fulltext",
        "a Python function that is registered": "groovy",
        "lookup": "memlookup",
        "outputtxt": "sendmail mail sendsyslog syslogsend",
        "table": "remote remotequery fedquery",
    }.items()
    for name in names.split()
}  # by the nearest thing here
_FUNCTIONS: dict[int, str] = {
    1: "ip2int ip2long long2ip network cidrmatch hash md5 sha1 sha256 hash64 valueof subarray sumarray unique flatten zip "
    "foreach sortarray numrange keys vals jsonpath parsejson tojson",
    2: "decimal kvjoin urlpart reverseip signature xpath levenshtein similarity randbytes bitand bitor bitxor shl shr",
    4: "encrypt decrypt",
}
_AGGREGATES: dict[int, str] = {
    2: "earliest latest estdc estdcount estpercentile skew kurt entropy wavg vwap lag lead delta pct row rank dense_rank ntile "
    "zscore ofi",
}

for tier, names in _LATER.items():
    REGISTRY.later_commands.update({n: tier for n in names.split()})
REGISTRY.product.update(_PRODUCT)
for tier, names in _FUNCTIONS.items():
    REGISTRY.later_functions.update({n: tier for n in names.split()})
for tier, names in _AGGREGATES.items():
    REGISTRY.later_aggregates.update({n: tier for n in names.split()})
