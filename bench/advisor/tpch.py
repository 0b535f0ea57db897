"""TPC-H's tables and queries as the benchmark has them; Q2, Q17 and Q20 do not end without indexes and are left out."""

import subprocess
import sys
from pathlib import Path

import psycopg

from golive.telemetry.store import queries

TABLES = {
    "region": "r_regionkey int PRIMARY KEY, r_name char(25), r_comment varchar(152)",
    "nation": "n_nationkey int PRIMARY KEY, n_name char(25), n_regionkey int, n_comment varchar(152)",
    "part": "p_partkey int PRIMARY KEY, p_name varchar(55), p_mfgr char(25), p_brand char(10), p_type varchar(25), "
    "p_size int, p_container char(10), p_retailprice numeric(15,2), p_comment varchar(23)",
    "supplier": "s_suppkey int PRIMARY KEY, s_name char(25), s_address varchar(40), s_nationkey int, s_phone char(15), "
    "s_acctbal numeric(15,2), s_comment varchar(101)",
    "partsupp": "ps_partkey int, ps_suppkey int, ps_availqty int, ps_supplycost numeric(15,2), "
    "ps_comment varchar(199), PRIMARY KEY (ps_partkey, ps_suppkey)",
    "customer": "c_custkey int PRIMARY KEY, c_name varchar(25), c_address varchar(40), c_nationkey int, "
    "c_phone char(15), c_acctbal numeric(15,2), c_mktsegment char(10), c_comment varchar(117)",
    "orders": "o_orderkey int PRIMARY KEY, o_custkey int, o_orderstatus char(1), o_totalprice numeric(15,2), "
    "o_orderdate date, o_orderpriority char(15), o_clerk char(15), o_shippriority int, o_comment varchar(79)",
    "lineitem": "l_orderkey int, l_partkey int, l_suppkey int, l_linenumber int, l_quantity numeric(15,2), "
    "l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag char(1), "
    "l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct char(25), "
    "l_shipmode char(10), l_comment varchar(44), PRIMARY KEY (l_orderkey, l_linenumber)",
}
QUERIES = queries(Path(__file__).with_name("tpch.sql"))


def load(url: str, scale: float, folder: Path) -> None:
    """Generate the data and load it."""
    program = Path(sys.executable).with_name("tpchgen-cli")
    command = [str(program), "csv", "-s", str(scale), "--output-dir", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    with psycopg.connect(url, autocommit=True) as connection:
        for name, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
            copying = connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv, HEADER)")
            with (folder / f"{name}.csv").open("rb") as file, copying as copy:
                while block := file.read(1 << 20):
                    copy.write(block)
            (folder / f"{name}.csv").unlink()
        connection.execute("VACUUM (ANALYZE)")
