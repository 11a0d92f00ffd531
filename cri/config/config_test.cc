// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/file_io.h"

namespace davit::cri {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    char dir[] = "/tmp/davit-config-test-XXXXXX";
    ASSERT_NE(mkdtemp(dir), nullptr);
    dir_ = dir;
    file_ = dir_ + "/config.toml";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(dir_ + "/" + name).parent_path());
    std::ofstream(dir_ + "/" + name) << text;
  }
  Result<Config> Load() { return LoadConfig(file_, MissingFile::kIsError); }
  // The text of the error that `text` as the only file gives, "" when there is none.
  std::string ErrorOf(std::string_view text) {
    Write("config.toml", text);
    Result<Config> config = Load();
    if (config) return "";
    EXPECT_EQ(config.error().code, Code::kInvalidArgument);
    return config.error().ToString();
  }

  std::string dir_;
  std::string file_;
};

TEST_F(ConfigTest, KeysThatNoFileSetsKeepTheirDefaults) {
  Write("config.toml", "[cgroup]\nroot = \"/one\"\n");
  Result<Config> config = Load();
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->cgroup.root, "/one");
  EXPECT_EQ(config->root, "/var/lib/davit");
  EXPECT_EQ(config->network.bridge.name, "davit0");
}

TEST_F(ConfigTest, DropInsApplyInLexicalOrderAfterTheFile) {
  Write("config.toml", "root = \"/a\"\nstate = \"/s\"\n[network]\nbin_dirs = [\"/x\", \"/y\"]\n");
  Write("config.d/20-last.toml", "root = \"/c\"\n");
  Write("config.d/10-first.toml", "root = \"/b\"\nnetwork.bin_dirs = [\"/z\"]\n");
  Write("config.d/README", "not TOML at all");
  Result<Config> config = Load();
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->root, "/c");
  EXPECT_EQ(config->state, "/s");
  EXPECT_THAT(config->network.bin_dirs, ElementsAre("/z"));
}

TEST_F(ConfigTest, AMissingFileIsAnErrorOnlyWhenItWasAskedFor) {
  Result<Config> asked = Load();
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, Code::kNotFound);
  EXPECT_THAT(asked.error().ToString(), HasSubstr(file_));

  Write("config.d/a.toml", "log_level = \"debug\"\n");
  Result<Config> config = LoadConfig(file_, MissingFile::kIsEmpty);
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
}

TEST_F(ConfigTest, AnUnknownKeyIsNamedWithItsFileAndLine) {
  EXPECT_THAT(ErrorOf("root = \"/a\"\n\nrooot = \"/b\"\n"),
              AllOf(HasSubstr("config.toml:3"), HasSubstr("unknown key rooot")));
  EXPECT_THAT(ErrorOf("[network.bridge]\nmtuu = 1500\n"),
              AllOf(HasSubstr("config.toml:2"), HasSubstr("unknown key network.bridge.mtuu")));
  EXPECT_THAT(ErrorOf("[netwrok]\nconf_dir = \"/x\"\n"), HasSubstr("unknown key netwrok"));
  EXPECT_THAT(ErrorOf("[cgroup.driver2]\n"), HasSubstr("unknown key cgroup.driver2"));

  Write("config.toml", "");
  Write("config.d/x.toml", "\nnope = 1\n");
  Result<Config> config = Load();
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().ToString(),
              AllOf(HasSubstr("config.d/x.toml:2"), HasSubstr("unknown key nope")));
}

TEST_F(ConfigTest, AWrongTypeIsNamedWithItsLine) {
  EXPECT_THAT(ErrorOf("root = 5\n"), AllOf(HasSubstr("config.toml:1"), HasSubstr("root: must be a string")));
  EXPECT_THAT(ErrorOf("network = \"x\"\n"), HasSubstr("network: must be a table"));
  EXPECT_THAT(ErrorOf("network.bin_dirs = \"/x\"\n"),
              HasSubstr("network.bin_dirs: must be a list of strings"));
  EXPECT_THAT(ErrorOf("network.bin_dirs = [1]\n"), HasSubstr("network.bin_dirs: must be a list of strings"));
}

TEST_F(ConfigTest, ASyntaxErrorIsNamedWithItsLine) {
  EXPECT_THAT(ErrorOf("root = \"/a\"\nstate = \n"), HasSubstr("config.toml:2"));
  EXPECT_THAT(ErrorOf("root = \"/a\"\nroot = \"/b\"\n"), HasSubstr("config.toml:2"));
}

TEST_F(ConfigTest, ValuesAreChecked) {
  EXPECT_THAT(ErrorOf("root = \"var\"\n"), HasSubstr("root: \"var\" is not an absolute path"));
  EXPECT_THAT(ErrorOf("root = \"/\"\n"), HasSubstr("must not be"));
  EXPECT_THAT(ErrorOf("state = \"/run/../etc\"\n"), HasSubstr("contains \".\" or \"..\""));
  EXPECT_THAT(ErrorOf("state = \"/run//davit\"\n"), HasSubstr("empty component"));
  EXPECT_THAT(ErrorOf("state = \"/run/davit/\"\n"), HasSubstr("empty component"));
  EXPECT_THAT(ErrorOf("listen = \"tcp://127.0.0.1:1\"\n"), HasSubstr("unix://"));
  EXPECT_THAT(ErrorOf("listen = \"unix:///" + std::string(107, 'x') + "\"\n"), HasSubstr("107 bytes"));
  EXPECT_THAT(ErrorOf("log_level = \"loud\"\n"), HasSubstr("debug, info, warning, error"));
  EXPECT_THAT(ErrorOf("cgroup.driver = \"x\"\n"), HasSubstr("not one of auto, cgroupfs, systemd"));
  for (const char* prefix : {"", "a/b", "a@b", "a b", "-a", "_a", "cpu.a"})
    EXPECT_THAT(ErrorOf(std::string("cgroup.scope_prefix = \"") + prefix + "\"\n"),
                HasSubstr("scope_prefix"));
  EXPECT_THAT(ErrorOf("cgroup.scope_prefix = \"" + std::string(101, 'x') + "\"\n"), HasSubstr("100 bytes"));
  EXPECT_THAT(ErrorOf("cgroup.root = \"kubepods\"\n"), HasSubstr("not an absolute path"));
  EXPECT_THAT(ErrorOf("network.bin_dirs = []\n"), HasSubstr("names no directory"));
  EXPECT_THAT(ErrorOf("cdi.spec_dirs = [\"cdi\"]\n"), HasSubstr("is not an absolute path"));
  EXPECT_THAT(ErrorOf("image.pinned = [\"\"]\n"), HasSubstr("image.pinned: an empty pattern"));
  EXPECT_THAT(ErrorOf("seccomp.socketcall = \"yes\"\n"), HasSubstr("neither \"deny\" nor \"allow\""));
  EXPECT_EQ(ErrorOf("cgroup.root = \"/\"\n"), "");
  EXPECT_EQ(ErrorOf("registry.config_path = \"\"\n"), "");
}

TEST_F(ConfigTest, TheCgroupDriverIsCgroupfsUnlessAnotherIsNamed) {
  Write("config.toml", "");
  EXPECT_EQ(Load()->cgroup.driver, CgroupDriverChoice::kCgroupfs);
  EXPECT_EQ(Load()->cgroup.scope_prefix, "davit");
  Write("config.toml", "[cgroup]\ndriver = \"systemd\"\nscope_prefix = \"cri-containerd\"\n");
  EXPECT_EQ(Load()->cgroup.driver, CgroupDriverChoice::kSystemd);
  EXPECT_EQ(Load()->cgroup.scope_prefix, "cri-containerd");
  Write("config.toml", "cgroup.driver = \"cgroupfs\"\n");
  EXPECT_EQ(Load()->cgroup.driver, CgroupDriverChoice::kCgroupfs);
}

TEST_F(ConfigTest, SocketcallIsDeniedUnlessItIsAllowed) {
  Write("config.toml", "");
  EXPECT_FALSE(Load()->seccomp.allow_socketcall);
  Write("config.toml", "seccomp.socketcall = \"allow\"\n");
  EXPECT_TRUE(Load()->seccomp.allow_socketcall);
  Write("config.d/1.toml", "seccomp.socketcall = \"deny\"\n");
  EXPECT_FALSE(Load()->seccomp.allow_socketcall);
}

TEST_F(ConfigTest, BridgeNamesAreWhatTheKernelAccepts) {
  for (std::string bad : {"", "0123456789abcdef", "a/b", "a b", "a:b", ".", ".."}) {
    EXPECT_THAT(ErrorOf("network.bridge.name = \"" + bad + "\"\n"), HasSubstr("network.bridge.name")) << bad;
  }
  EXPECT_EQ(ErrorOf("network.bridge.name = \"0123456789abcde\"\n"), "");
}

TEST_F(ConfigTest, TheNetworkHasAModeThatIsNamed) {
  EXPECT_EQ(ErrorOf(""), "");
  EXPECT_EQ(Load()->network.mode, std::nullopt);
  EXPECT_EQ(ErrorOf("network.mode = \"bridge\"\n"), "");
  EXPECT_EQ(Load()->network.mode, NetworkMode::kBridge) << "which is not the same as unset";
  EXPECT_EQ(ErrorOf("network.mode = \"cni\"\n"), "");
  EXPECT_EQ(Load()->network.mode, NetworkMode::kPlugins);
  EXPECT_THAT(ErrorOf("[network]\nmode = \"auto\"\n"),
              AllOf(HasSubstr("config.toml:2"), HasSubstr("network.mode: \"auto\" is neither")));
}

TEST_F(ConfigTest, SubnetsAreAListOrThePodCidr) {
  EXPECT_EQ(ErrorOf(""), "");
  EXPECT_FALSE(Load()->network.bridge.subnets_set);
  EXPECT_EQ(ErrorOf("network.bridge.subnets = \"pod-cidr\"\n"), "");
  EXPECT_TRUE(Load()->network.bridge.subnets_set);
  EXPECT_TRUE(Load()->network.bridge.pod_cidr);
  Write("config.d/1.toml", "network.bridge.subnets = [\"10.1.0.0/24\"]\n");
  EXPECT_FALSE(Load()->network.bridge.pod_cidr) << "the last setting counts";
  EXPECT_TRUE(Load()->network.bridge.subnets_set);
  Write("config.d/2.toml", "network.bridge.subnets = \"pod-cidr\"\n");
  EXPECT_TRUE(Load()->network.bridge.pod_cidr);
  std::filesystem::remove_all(dir_ + "/config.d");
  EXPECT_THAT(ErrorOf("network.bridge.subnets = \"10.1.0.0/24\"\n"),
              HasSubstr("neither \"pod-cidr\" nor a list"));
  EXPECT_THAT(ErrorOf("network.bridge.subnets = 1\n"), HasSubstr("must be a string or a list of strings"));
}

TEST_F(ConfigTest, TheMtuIsANumberThatIpv6CanUse) {
  EXPECT_EQ(ErrorOf("network.bridge.mtu = 1450\n"), "");
  EXPECT_EQ(Load()->network.bridge.mtu, 1450);
  EXPECT_THAT(ErrorOf("network.bridge.mtu = 1279\n"), HasSubstr("network.bridge.mtu: 1279 is not an MTU"));
  EXPECT_THAT(ErrorOf("network.bridge.mtu = \"1450\"\n"),
              HasSubstr("network.bridge.mtu: \"1450\" is not \"auto\"; a number has no quotes"));
  EXPECT_THAT(ErrorOf("network.bridge.mtu = true\n"), HasSubstr("must be a string or a whole number"));
}

TEST_F(ConfigTest, TheMtuMayFollowTheUplink) {
  EXPECT_EQ(ErrorOf("network.bridge.mtu = \"auto\"\n"), "");
  EXPECT_TRUE(Load()->network.bridge.follow_uplink);
  EXPECT_EQ(Load()->network.bridge.mtu, 1500) << "without an uplink";
  Write("config.d/1.toml", "network.bridge.mtu = 1400\n");
  EXPECT_FALSE(Load()->network.bridge.follow_uplink) << "the last setting counts";
}

TEST_F(ConfigTest, DestinationsWithoutMasqueradeAreNetworks) {
  EXPECT_EQ(ErrorOf("[network.bridge]\nmasquerade = false\nno_masquerade = [\"10.0.0.0/8\", "
                    "\"172.16.0.0/12\", \"fd00::/8\", "
                    "\"192.0.2.1/32\"]\n"),
            "");
  EXPECT_FALSE(Load()->network.bridge.masquerade);
  EXPECT_EQ(Load()->network.bridge.no_masquerade.size(), 4u);
  EXPECT_THAT(ErrorOf("network.bridge.no_masquerade = [\"10.0.0.1/8\"]\n"),
              HasSubstr("network.bridge.no_masquerade: \"10.0.0.1/8\" has bits set beyond its prefix"));
}

TEST_F(ConfigTest, TheSettingsOfKubernetesNodesAreValid) {
  Write("config.toml", ReadFile(DAVIT_KUBERNETES_CONFIG).value());
  Result<Config> config = Load();
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->network.mode, NetworkMode::kPlugins);
  EXPECT_TRUE(config->network.bridge.pod_cidr);
}

TEST_F(ConfigTest, SubnetsAreNetworksAtMostOnePerFamily) {
  auto error_of = [this](const std::string& list) {
    return ErrorOf("network.bridge.subnets = " + list + "\n");
  };
  EXPECT_EQ(error_of(R"(["10.0.0.0/8"])"), "");
  EXPECT_EQ(error_of(R"(["fd00::/64", "10.0.0.0/30"])"), "");
  EXPECT_THAT(error_of("[]"), HasSubstr("names no subnet"));
  EXPECT_THAT(error_of(R"(["10.0.0.0/8", "10.1.0.0/16"])"), HasSubstr("second subnet"));
  EXPECT_THAT(error_of(R"(["10.0.0.1/8"])"), HasSubstr("beyond its prefix"));
  EXPECT_THAT(error_of(R"(["fd00::1/64"])"), HasSubstr("beyond its prefix"));
  EXPECT_THAT(error_of(R"(["10.0.0.0/31"])"), HasSubstr("no room"));
  EXPECT_THAT(error_of(R"(["10.0.0.0/33"])"), HasSubstr("prefix length"));
  EXPECT_THAT(error_of(R"(["10.0.0.0/8x"])"), HasSubstr("prefix length"));
  EXPECT_THAT(error_of(R"(["10.0.0/8"])"), HasSubstr("malformed address"));
  EXPECT_THAT(error_of(R"(["10.0.0.0"])"), HasSubstr("ADDRESS/BITS"));
}

TEST_F(ConfigTest, WhatIsKeptOfPullsIsADurationOrNothing) {
  EXPECT_EQ(ErrorOf("[image]\nkeep_unfinished = \"90m\"\nkeep_blobs = true\n"), "");
  EXPECT_EQ(Load()->image.keep_unfinished_ms, 90 * 60'000);
  EXPECT_TRUE(Load()->image.keep_blobs);
  EXPECT_EQ(ErrorOf("[image]\npreload_dir = \"/srv/images\"\n"), "");
  EXPECT_EQ(Load()->image.preload_dir, "/srv/images");
  EXPECT_THAT(ErrorOf("[image]\npreload_dir = \"images\"\n"), HasSubstr("image.preload_dir"));
  EXPECT_EQ(ErrorOf("[image]\nkeep_unfinished = \"0\"\n"), "");
  EXPECT_EQ(Load()->image.keep_unfinished_ms, 0);
  EXPECT_THAT(ErrorOf("[image]\nkeep_unfinished = \"1 day\"\n"), HasSubstr("is not a duration"));
}

TEST_F(ConfigTest, SpeedsOfTransfersAreBytesPerSecond) {
  EXPECT_EQ(ErrorOf("[image]\nmin_speed = 0\nfair_speed = 1000000\n"), "");
  EXPECT_EQ(Load()->image.min_speed, 0);
  EXPECT_EQ(Load()->image.fair_speed, 1'000'000);
  EXPECT_THAT(ErrorOf("[image]\nmin_speed = -1\n"), HasSubstr("image.min_speed: -1 is no number of bytes"));
  EXPECT_THAT(ErrorOf("[image]\nfair_speed = \"64k\"\n"), HasSubstr("must be a whole number"));
}

TEST_F(ConfigTest, BooleansAreTrueOrFalse) {
  EXPECT_EQ(ErrorOf("[network]\nunprivileged_ports = false\n"), "");
  EXPECT_FALSE(Load()->network.unprivileged_ports);
  EXPECT_TRUE(Load()->network.unprivileged_icmp);
  EXPECT_THAT(ErrorOf("network.unprivileged_icmp = \"no\"\n"),
              HasSubstr("network.unprivileged_icmp: must be true or false"));
}

TEST_F(ConfigTest, ImageVerifiersAreConfiguredAsForContainerd) {
  Write("config.toml",
        "[image.verifier]\nbin_dir = \"/v\"\nmax_verifiers = -1\n"
        "per_verifier_timeout = \"2m\"\n");
  Result<Config> config = Load();
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->image.verifier.bin_dir, "/v");
  EXPECT_EQ(config->image.verifier.max_verifiers, -1);
  EXPECT_EQ(config->image.verifier.per_verifier_timeout_ms, 120'000);
  EXPECT_THAT(ErrorOf("image.verifier.max_verifiers = \"1\"\n"), HasSubstr("must be a whole number"));
  EXPECT_THAT(ErrorOf("image.verifier.max_verifiers = 3000000000\n"), HasSubstr("whole number of 32 bits"));
  EXPECT_THAT(ErrorOf("image.verifier.bin_dir = \"v\"\n"), HasSubstr("not an absolute path"));
}

TEST_F(ConfigTest, UlimitsAreANameAndOneOrTwoValues) {
  auto ulimits_of = [this](const std::string& list) {
    EXPECT_EQ(ErrorOf("container.default_ulimits = " + list + "\n"), "");
    return Load()->container.default_ulimits;
  };
  EXPECT_THAT(
      ulimits_of(R"(["nofile=1024:524288", "core=0:unlimited", "memlock=-1", "nproc=64"])"),
      ElementsAre(Ulimit{RLIMIT_NOFILE, 1024, 524288}, Ulimit{RLIMIT_CORE, 0, RLIM_INFINITY},
                  Ulimit{RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY}, Ulimit{RLIMIT_NPROC, 64, 64}));
  EXPECT_THAT(ulimits_of("[]"), testing::IsEmpty());
  for (std::string bad :
       {"", "nofile", "nofile=", "nofile=x", "nofile=1:", "nofile=:1", "nofile=2:1", "nofile=-2", "NOFILE=1",
        "files=1", "nofile=1:2:3", "nofile= 1", "nofile=unlimited:5"}) {
    EXPECT_THAT(ErrorOf("container.default_ulimits = [\"" + bad + "\"]\n"), HasSubstr("is not a limit"))
        << bad;
  }
  EXPECT_THAT(ErrorOf(R"(container.default_ulimits = ["core=1", "core=2"])"), HasSubstr("second limit"));
}

TEST_F(ConfigTest, AFlagIsCheckedAsTheFileIs) {
  Config config;
  EXPECT_TRUE(OverrideConfig(config, "root", "/x", "--root"));
  EXPECT_EQ(config.root, "/x");
  Result<> bad = OverrideConfig(config, "listen", "x", "--listen");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().ToString(), HasSubstr("--listen"));
  EXPECT_EQ(SocketPath(config), "/run/davit/davit.sock");
}

TEST_F(ConfigTest, HandlersAreTablesOfTheFilesChoice) {
  Write("config.toml", "[handlers.runc]\ntype = \"davit\"\n");
  Write("config.d/more.toml", "[handlers.gold]\n");
  Result<Config> config = Load();
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->handlers, (HandlerTable{{"runc", {}}, {"gold", {}}}));
  std::filesystem::remove_all(dir_ + "/config.d");

  EXPECT_THAT(ErrorOf("handlers = \"runc\"\n"), HasSubstr("handlers: must be a table"));
  EXPECT_THAT(ErrorOf("[handlers]\nrunc = \"davit\"\n"),
              AllOf(HasSubstr("config.toml:2"), HasSubstr("handlers.runc: must be a table")));
  EXPECT_THAT(
      ErrorOf("[handlers.kata]\ntype = \"oci\"\n"),
      AllOf(HasSubstr("config.toml:2"), HasSubstr("handlers.kata.type"), HasSubstr("not supported yet")));
  EXPECT_THAT(ErrorOf("[handlers.kata]\ntype = \"vm\"\n"), HasSubstr("is not a type of handler"));
  EXPECT_THAT(ErrorOf("[handlers.kata]\ntype = 1\n"), HasSubstr("handlers.kata.type: must be a string"));
  EXPECT_THAT(ErrorOf("[handlers.kata]\npath = \"/x\"\n"), HasSubstr("unknown key handlers.kata.path"));
  const std::string long_name(64, 'a');
  for (const std::string& bad : std::vector<std::string>{"", "Kata", "a_b", "-a", "a-", long_name}) {
    EXPECT_THAT(ErrorOf("[handlers.\"" + bad + "\"]\n"), HasSubstr("not a handler's name")) << bad;
  }
}

// The shipped file with every setting uncommented and all prose gone.
std::string ShippedSettings() {
  Result<std::string> shipped = ReadFile(DAVIT_SHIPPED_CONFIG);
  if (!shipped) return "";
  std::istringstream lines(*shipped);
  std::string settings;
  for (std::string line; std::getline(lines, line);) {
    bool prose = line.starts_with("# ") || line.empty();
    if (!prose) settings += line.substr(line.starts_with('#') ? 1 : 0) + "\n";
  }
  return settings;
}

TEST_F(ConfigTest, TheShippedFileNamesEveryKeyAndNoOther) {
  std::set<std::string> documented;
  std::istringstream lines(ShippedSettings());
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("[handlers.")) {
      table = "handlers.NAME.";
    } else if (line.starts_with('[')) {
      table = line.substr(1, line.size() - 2) + ".";
    } else {
      documented.insert(table + line.substr(0, line.find(' ')));
    }
  }
  std::vector<std::string> keys = ConfigKeys();
  EXPECT_EQ(documented, std::set<std::string>(keys.begin(), keys.end()));
}

TEST_F(ConfigTest, TheShippedFileShowsTheDefaults) {
  ASSERT_EQ(ErrorOf(ShippedSettings()), "");
  Config shipped = *Load();
  Config defaults;
  EXPECT_EQ(shipped.root, defaults.root);
  EXPECT_EQ(shipped.state, defaults.state);
  EXPECT_EQ(shipped.listen, defaults.listen);
  EXPECT_EQ(shipped.log_level, defaults.log_level);
  EXPECT_EQ(shipped.registry.config_path, defaults.registry.config_path);
  EXPECT_EQ(shipped.cgroup.driver, defaults.cgroup.driver);
  EXPECT_EQ(shipped.cgroup.root, defaults.cgroup.root);
  EXPECT_EQ(shipped.cgroup.scope_prefix, defaults.cgroup.scope_prefix);
  EXPECT_EQ(shipped.network.mode, defaults.network.mode.value_or(NetworkMode::kBridge));
  EXPECT_EQ(shipped.network.bridge.pod_cidr, defaults.network.bridge.pod_cidr);
  EXPECT_EQ(shipped.network.conf_dir, defaults.network.conf_dir);
  EXPECT_EQ(shipped.network.bin_dirs, defaults.network.bin_dirs);
  EXPECT_EQ(shipped.network.bridge.name, defaults.network.bridge.name);
  EXPECT_EQ(shipped.network.bridge.subnets, defaults.network.bridge.subnets);
  EXPECT_EQ(shipped.network.bridge.mtu, defaults.network.bridge.mtu);
  EXPECT_EQ(shipped.network.bridge.masquerade, defaults.network.bridge.masquerade);
  EXPECT_EQ(shipped.network.bridge.no_masquerade, defaults.network.bridge.no_masquerade);
  EXPECT_EQ(shipped.network.unprivileged_ports, defaults.network.unprivileged_ports);
  EXPECT_EQ(shipped.network.unprivileged_icmp, defaults.network.unprivileged_icmp);
  EXPECT_EQ(shipped.container.default_ulimits, defaults.container.default_ulimits);
  EXPECT_EQ(shipped.image.keep_unfinished_ms, defaults.image.keep_unfinished_ms);
  EXPECT_EQ(shipped.image.keep_blobs, defaults.image.keep_blobs);
  EXPECT_EQ(shipped.image.min_speed, defaults.image.min_speed);
  EXPECT_EQ(shipped.image.fair_speed, defaults.image.fair_speed);
  EXPECT_EQ(shipped.image.preload_dir, defaults.image.preload_dir);
}

}  // namespace
}  // namespace davit::cri
