// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What ADD and DEL of CNI plugins cost as processes, in a network namespace of its own: davit-bridge beside
// the chain of the reference plugins bridge (with host-local), portmap and firewall. Medians in microseconds,
// in turns, beside containers that are there already.
//
//   cni_plugin_bench DAVIT_BRIDGE REFERENCE_DIR FOREIGN_RULES [CONTAINERS_PRESENT...]        default: 0 100
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/run_program.h"
#include "cni/bench/samples.h"
#include "cni/veth.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;

constexpr int kRounds = 40;

struct Plugin {
  std::string program;
  Json config;
};

struct Container {
  std::string id = OrDie(NewId());
  UniqueFd netns = NewNetns();

  std::string path() const {
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(netns.get());
  }
};

std::string Run(const Plugin& plugin, const std::string& command, const Container& container,
                const std::string& previous) {
  Json input = plugin.config;
  if (!previous.empty()) SetJsonMember(input, "prevResult", JsonOrNull(previous));
  std::string dir = plugin.program.substr(0, plugin.program.rfind('/'));
  ProgramOutcome outcome =
      OrDie(RunProgram(plugin.program, {.program = plugin.program,
                                        .args = {},
                                        .env = {"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container.id,
                                                "CNI_NETNS=" + container.path(), "CNI_IFNAME=eth0",
                                                "CNI_PATH=" + dir, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                                        .input = PrintJson(input)}));
  if (outcome.status.code == 0) return outcome.output;
  fprintf(stderr, "%s %s: %s%s\n", plugin.program.c_str(), command.c_str(), outcome.output.c_str(),
          outcome.diagnostics.c_str());
  exit(1);
}

// As libcni: each plugin gets the result of the one before; DEL goes backwards, with the last result.
class Chain {
 public:
  Chain(const char* name, std::vector<Plugin> plugins) : name_(name), plugins_(std::move(plugins)) {}

  std::string Add(const Container& container) const {
    std::string result;
    for (const Plugin& plugin : plugins_) result = Run(plugin, "ADD", container, result);
    return result;
  }
  void Delete(const Container& container, const std::string& result) const {
    for (auto plugin = plugins_.rbegin(); plugin != plugins_.rend(); ++plugin)
      Run(*plugin, "DEL", container, result);
  }

  void Measure() {
    Container container;
    std::string result;
    add_.Time([&] { result = Add(container); });
    delete_.Time([&] { Delete(container, result); });
  }
  void Print() {
    add_.Print((name_ + " ADD").c_str());
    delete_.Print((name_ + " DEL").c_str());
    add_ = delete_ = Samples();
  }

 private:
  std::string name_;
  std::vector<Plugin> plugins_;
  Samples add_, delete_;
};

constexpr char kPort[] = R"({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]})";

Json OwnNetwork(const std::string& scratch) {
  Json config =
      JsonOrNull(R"({"cniVersion": "1.0.0", "name": "ours", "type": "davit-bridge", "bridge": "ours0",
    "isDefaultGateway": true, "ipMasq": true,
    "ipam": {"ranges": [[{"subnet": "10.97.0.0/16"}], [{"subnet": "fd00:97::/64"}]]}})");
  SetJsonMember(config, "dataDir", scratch + "/ours");
  return config;
}

Chain Ours(const std::string& program, const std::string& scratch) {
  Json config = OwnNetwork(scratch);
  SetJsonMember(config, "runtimeConfig", JsonOrNull(kPort));
  return {"davit-bridge", {{program, config}}};
}

Chain Reference(const std::string& dir, const std::string& scratch) {
  Json bridge = JsonOrNull(R"({"cniVersion": "1.0.0", "name": "theirs", "type": "bridge", "bridge": "theirs0",
    "isDefaultGateway": true, "ipMasq": true, "hairpinMode": true,
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/16"}], [{"subnet": "fd00:98::/64"}]]}})");
  SetJsonMember(JsonObjectMember(bridge, "ipam"), "dataDir", scratch + "/theirs");
  Json portmap = JsonOrNull(R"({"cniVersion": "1.0.0", "name": "theirs", "type": "portmap"})");
  SetJsonMember(portmap, "runtimeConfig", JsonOrNull(R"({"portMappings": [
    {"hostPort": 8081, "containerPort": 80, "protocol": "tcp"}]})"));
  Json firewall = JsonOrNull(R"({"cniVersion": "1.0.0", "name": "theirs", "type": "firewall"})");
  return {"bridge, host-local, portmap, firewall",
          {{dir + "/bridge", bridge}, {dir + "/portmap", portmap}, {dir + "/firewall", firewall}}};
}

// Without host ports: they would be in each other's way.
void Populate(const std::string& program, const std::string& scratch, std::vector<Container>& present,
              size_t count) {
  while (present.size() < count) {
    Run({program, OwnNetwork(scratch)}, "ADD", present.emplace_back(), "");
  }
}

// Rules that packets pass and that the firewall of another program might have.
void AddForeignRules(size_t count) {
  std::string script =
      "table ip foreign {\n chain forward {\n type filter hook forward priority 0\n jump many\n }\n chain "
      "many {\n";
  for (size_t i = 0; i < count; ++i)
    script += "  ip saddr 198.51." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) +
              " tcp dport " + std::to_string(i % 60000 + 1) + " accept\n";
  script += " }\n}\n";
  ProgramOutcome outcome =
      OrDie(RunProgram("nft", {.program = "/usr/sbin/nft", .args = {"-f", "-"}, .env = {}, .input = script}));
  if (outcome.status.code != 0) fprintf(stderr, "nft: %s\n", outcome.diagnostics.c_str());
}

int Main(const std::string& program, const std::string& reference, size_t foreign_rules,
         const std::vector<size_t>& populations) {
  rlimit files{20000, 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  if (unshare(CLONE_NEWNET) < 0) {
    perror("unshare");
    return 1;
  }
  OrDie(BringLoopbackUp(OrDie(NsHandle::OfSelf("net")).get()));
  std::string scratch = std::filesystem::temp_directory_path() / "cni-plugin-bench-XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr) return 1;
  Chain chains[] = {Ours(program, scratch), Reference(reference, scratch)};
  if (foreign_rules > 0) AddForeignRules(foreign_rules);
  std::vector<Container> present;
  for (size_t population : populations) {
    Populate(program, scratch, present, population);
    for (int i = 0; i < kRounds; ++i)
      for (Chain& chain : chains) chain.Measure();
    printf("%zu containers present, %zu foreign rules: median, p90\n", population, foreign_rules);
    for (Chain& chain : chains) chain.Print();
  }
  std::filesystem::remove_all(scratch);
  return 0;
}

}  // namespace
}  // namespace davit::cni

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr,
            "usage: cni_plugin_bench DAVIT_BRIDGE REFERENCE_DIR FOREIGN_RULES [CONTAINERS_PRESENT...]\n");
    return 2;
  }
  std::vector<size_t> populations;
  for (int i = 4; i < argc; ++i) populations.push_back(strtoul(argv[i], nullptr, 10));
  if (populations.empty()) populations = {0, 100};
  return davit::cni::Main(argv[1], argv[2], strtoul(argv[3], nullptr, 10), populations);
}
