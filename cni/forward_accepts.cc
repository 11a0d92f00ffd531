// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/forward_accepts.h"

#include <linux/netfilter.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <sstream>

#include "base/file_io.h"
#include "base/run_program.h"
#include "cni/forward_drops.h"

namespace davit::cni {
namespace {

using Args = std::vector<std::string>;

constexpr int kTimeoutMs = 10'000;

// One of the four programs; each keeps rules of its own.
struct Iptables {
  int family = AF_INET;
  bool legacy = false;

  std::string Name() const {
    return std::string(family == AF_INET ? "iptables" : "ip6tables") + (legacy ? "-legacy" : "-nft");
  }
};

Result<std::string> RunIptables(const Iptables& iptables, Args args) {
  for (const char* dir : {"/usr/sbin/", "/sbin/", "/usr/bin/"}) {
    std::string program = dir + iptables.Name();
    if (access(program.c_str(), X_OK) != 0) continue;
    args.insert(args.begin(), {"-w", "5"});  // waits for the lock of the other users of iptables
    ProgramOutcome outcome = TRY(RunProgram("firewall", {.program = program,
                                                         .args = std::move(args),
                                                         .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                                                         .input = "",
                                                         .timeout_ms = kTimeoutMs}));
    if (outcome.status.code == 0) return outcome.output;
    return Fail(Code::kFailedPrecondition, "change firewall", program, outcome.diagnostics);
  }
  return Fail(Code::kFailedPrecondition, "change firewall", iptables.Name(), "the program is not installed");
}

// A rule of ours, which is known by its comment.
struct Accept {
  std::string comment;
  Args match;

  // `command` is "-A FORWARD" or the like, in parts.
  Args Command(Args command) const {
    command.insert(command.end(), match.begin(), match.end());
    command.insert(command.end(), {"-m", "comment", "--comment", comment, "-j", "ACCEPT"});
    return command;
  }
};

Accept FromPods(const std::string& bridge) {
  return {"davit: from pods on " + bridge, {"-i", bridge}};
}

Accept AllIntoPods(const std::string& bridge) {
  return {"davit: into pods on " + bridge, {"-o", bridge}};
}

Accept AnswersIntoPods(const std::string& bridge) {
  return {"davit: answers into pods on " + bridge,
          {"-o", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED,DNAT"}};
}

std::vector<Accept> Wanted(const ForwardAccepts& accepts) {
  return {FromPods(accepts.bridge),
          accepts.all_into_pods ? AllIntoPods(accepts.bridge) : AnswersIntoPods(accepts.bridge)};
}

// Those of another setting of all_into_pods, and those of former versions, which had one comment for all.
std::vector<Accept> Unwanted(const ForwardAccepts& accepts) {
  const std::string former = "davit: pods on " + accepts.bridge;
  return {accepts.all_into_pods ? AnswersIntoPods(accepts.bridge) : AllIntoPods(accepts.bridge),
          {former, FromPods(accepts.bridge).match},
          {former, AllIntoPods(accepts.bridge).match},
          {former, AnswersIntoPods(accepts.bridge).match}};
}

// Whether packets reach a rule with this comment in the chain FORWARD.
using HasRule = std::function<Result<bool>(const std::string& comment)>;

// At the end of the chain, or before its rule `drops_at` (0: none), which ends it: what its owner or a
// network policy drops stays dropped. `present` is for any rule with the comment.
Result<> AddMissing(const Iptables& iptables, const ForwardAccepts& accepts, size_t drops_at,
                    const HasRule& reached, const HasRule& present, std::vector<std::string>& found) {
  bool complete = true;
  size_t position = drops_at;
  for (const Accept& accept : Wanted(accepts)) {
    if (TRY(reached(accept.comment))) continue;
    complete = false;
    if (TRY(present(accept.comment))) TRY(RunIptables(iptables, accept.Command({"-D", "FORWARD"})));
    Args command = {"-A", "FORWARD"};
    if (drops_at > 0) command = {"-I", "FORWARD", std::to_string(position++)};
    TRY(RunIptables(iptables, accept.Command(std::move(command))));
  }
  if (!complete) found.push_back(iptables.Name() + " dropped what is forwarded");
  return {};
}

// Of one comment there can be several rules; the command fails for those that are not there.
Result<> RemoveUnwanted(const Iptables& iptables, const ForwardAccepts& accepts, const HasRule& has_rule,
                        std::vector<std::string>& found) {
  bool any = false;
  for (const Accept& accept : Unwanted(accepts)) {
    if (!TRY(has_rule(accept.comment))) continue;
    any = RunIptables(iptables, accept.Command({"-D", "FORWARD"})).has_value() || any;
  }
  if (any) found.push_back(iptables.Name() + " had rules for pods that Davit does not use any more");
  return {};
}

// Whether iptables-legacy has been used here: asking it would load its modules, and with them its hooks.
bool LegacyHasFilter(int family) {
  const char* names = family == AF_INET ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
  return ReadFile(names).value_or("").contains("filter\n");
}

std::vector<int> Families(const ForwardAccepts& accepts) {
  std::vector<int> families;
  for (const Subnet& subnet : accepts.subnets) families.push_back(subnet.base.family);
  return families;
}

// Adds and removes rules of the chain FORWARD that one of the programs keeps. `reached` and `present` look
// for a rule that packets reach, and for any.
Result<> LetThroughOne(const Iptables& iptables, const std::string& name, const ForwardChain& chain,
                       const ForwardAccepts& accepts, const HasRule& reached, const HasRule& present,
                       ForwardReport& report) {
  if (chain.Drops()) {
    report.drops.push_back({name, chain.Reason(), ForwardDrop::Pods::kDropped});
    TRY(AddMissing(iptables, accepts, chain.drops_at, reached, present, report.found));
    report.drops.back().pods = ForwardDrop::Pods::kAcceptedByUs;
  }
  return RemoveUnwanted(iptables, accepts, present, report.found);
}

// The chain FORWARD as iptables-legacy prints it: its policy, then a rule per line.
struct LegacyChain {
  ForwardChain chain;   // of which only what it drops is set
  std::string reached;  // the rules that packets reach
  std::string all;

  static LegacyChain Parse(const std::string& printed) {
    LegacyChain parsed;
    parsed.all = printed;
    size_t& drops_at = parsed.chain.drops_at;
    size_t position = 0;
    std::istringstream lines(printed);
    for (std::string line; std::getline(lines, line);) {
      if (line == "-P FORWARD DROP") parsed.chain.drops_by_policy = true;
      if (!line.starts_with("-A FORWARD ")) continue;
      ++position;
      bool everything = line == "-A FORWARD -j DROP" || line.starts_with("-A FORWARD -j REJECT ");
      if (everything && drops_at == 0) drops_at = position;
      if (drops_at == 0) parsed.reached += line + '\n';
    }
    return parsed;
  }
};

bool HasComment(const std::string& rules, const std::string& comment) {
  return rules.contains('"' + comment + '"');
}

Result<> LetThroughLegacy(const ForwardAccepts& accepts, ForwardReport& report) {
  for (int family : Families(accepts)) {
    if (!LegacyHasFilter(family)) continue;
    Iptables iptables{family, /*legacy=*/true};
    Result<std::string> printed = RunIptables(iptables, {"-S", "FORWARD"});
    if (!printed) {
      report.unknown += (report.unknown.empty() ? "" : "; ") + printed.error().ToString();
      continue;
    }
    LegacyChain legacy = LegacyChain::Parse(*printed);
    auto reached = [&](const std::string& comment) -> Result<bool> {
      return HasComment(legacy.reached, comment);
    };
    auto present = [&](const std::string& comment) -> Result<bool> {
      return HasComment(legacy.all, comment);
    };
    TRY(LetThroughOne(iptables, iptables.Name() + ", chain FORWARD", legacy.chain, accepts, reached, present,
                      report));
  }
  return {};
}

Iptables ProgramOf(const ForwardChain& chain) {
  return {chain.family == NFPROTO_IPV4 ? AF_INET : AF_INET6, /*legacy=*/false};
}

Result<> LetThroughNft(NetlinkSocket& rules, const ForwardChain& chain, const ForwardAccepts& accepts,
                       ForwardReport& report) {
  ForwardChain whole = chain;
  whole.drops_at = 0;
  auto reached = [&](const std::string& comment) { return HasRuleWithComment(rules, chain, comment); };
  auto present = [&](const std::string& comment) { return HasRuleWithComment(rules, whole, comment); };
  return LetThroughOne(ProgramOf(chain), chain.ToString(), chain, accepts, reached, present, report);
}

Result<> AskOwner(const ForwardChain& chain, const ForwardAccepts& accepts, ForwardReport& report) {
  if (!chain.Drops()) return {};
  using Pods = ForwardDrop::Pods;
  report.drops.push_back(
      {chain.ToString(), chain.Reason(), chain.knows_pods ? Pods::kLeftToOwner : Pods::kDropped});
  if (chain.knows_pods) return {};
  return Fail(Code::kFailedPrecondition, "forward packets of pods", chain.ToString(),
              chain.Reason() + "; accept there what comes from and goes to the interface " + accepts.bridge);
}

}  // namespace

Result<> LetForwardedThrough(NetlinkSocket& rules, const ForwardAccepts& accepts, ForwardReport& report) {
  Result<> first;
  auto note = [&](Result<> done) {
    if (first && !done) first = std::move(done);
  };
  for (const ForwardChain& chain : TRY(ListForwardChains(rules, accepts.bridge, accepts.subnets)))
    note(chain.IsOfIptables() ? LetThroughNft(rules, chain, accepts, report)
                              : AskOwner(chain, accepts, report));
  note(LetThroughLegacy(accepts, report));
  return first;
}

void RemoveForwardAccepts(NetlinkSocket& rules, const ForwardAccepts& accepts) {
  std::vector<Iptables> users;
  for (const ForwardChain& chain :
       ListForwardChains(rules, accepts.bridge, accepts.subnets).value_or(std::vector<ForwardChain>()))
    if (chain.IsOfIptables()) users.push_back(ProgramOf(chain));
  for (int family : Families(accepts))
    if (LegacyHasFilter(family)) users.push_back({family, /*legacy=*/true});
  std::vector<Accept> ours = Wanted(accepts);
  std::ranges::move(Unwanted(accepts), std::back_inserter(ours));
  for (const Iptables& iptables : users)
    for (const Accept& accept : ours)
      (void)RunIptables(iptables, accept.Command({"-D", "FORWARD"}));  // it may be gone
}

}  // namespace davit::cni
