// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/node_network.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/time.h"
#include "cni/names.h"
#include "cni/netns_pin.h"
#include "cni/sysctl.h"
#include "cri/network/interface_sysctls.h"
#include "cri/network/network_request.h"

namespace davit::cri {

namespace {

std::vector<cni::Subnet> Possible(const std::vector<cni::Subnet>& subnets, const Logger& log) {
  std::vector<cni::Subnet> possible = OfKernelFamilies(subnets, cni::KernelHasIpv6());
  if (possible != subnets)
    log.Log(LogLevel::kWarning, "this kernel runs without IPv6: pods get no addresses of that family",
            {{"subnets", Join(subnets)}});
  return possible;
}

}  // namespace

Result<std::unique_ptr<NodeNetwork>> NodeNetwork::Open(Options options, StoredSetting pod_cidr,
                                                       const Logger& log) {
  cni::BridgeConfig bridge = options.bridge;
  if (options.pod_cidr) {
    Result<std::vector<cni::Subnet>> announced = ParsePodCidr(pod_cidr.value);
    bridge.subnets = announced.value_or(std::vector<cni::Subnet>());
    if (!announced)
      log.Log(LogLevel::kWarning, "the recorded pod CIDR is unreadable; the kubelet has to send it again",
              {{"error", announced.error().ToString()}});
  }
  bridge.subnets = Possible(bridge.subnets, log);
  // Only what is left of a bridge matters then: it is used and removed as it is, whatever the subnets are
  // now.
  if (options.mode == Mode::kPlugins)
    if (Result<std::vector<cni::Subnet>> existing = cni::Bridge::ExistingSubnets(bridge);
        existing && !existing->empty())
      bridge.subnets = std::move(*existing);
  options.health.watched_dir = options.plugin_pods.conf_dir;
  options.health.periodic = options.mode == Mode::kPlugins;  // the kernel announces what happens to a bridge
  std::unique_ptr<NodeNetwork> network(new NodeNetwork(options, bridge, std::move(pod_cidr), log));
  auto look = [node = network.get()](int interrupt_fd) { return node->Look(interrupt_fd); };
  network->health_ = TRY(NetworkHealth::Start(options.health, look));
  return network;
}

NodeNetwork::NodeNetwork(const Options& options, const cni::BridgeConfig& bridge, StoredSetting pod_cidr,
                         const Logger& log)
    : options_(options),
      pod_cidr_(std::move(pod_cidr)),
      log_(log),
      plugin_pods_(options.plugin_pods),
      bridge_(bridge, options.address_mark, [this] { health_->LookAgain(); }),
      patience_(options.detach_patience) {}

// The bridge calls health_, whose thread uses the bridge.
NodeNetwork::~NodeNetwork() {
  bridge_.StopWatching();
}

std::map<std::string, Error> NodeNetwork::Recover(const std::vector<RecordedPod>& pods) {
  UseFormerCidr(pods);
  bridge_.Recover(pods);
  if (bridge_.HasLeases()) (void)bridge_.Open();  // a failure is found again by Look
  CollectPlugins(pods);
  CheckPods(pods);
  std::map<std::string, Error> problems = bridge_.TakeProblems();
  recovered_ = true;
  health_->AwaitLook(options_.first_look);
  return problems;
}

// Earlier releases took a pod CIDR whether or not the configuration said so: pods that run with its addresses
// keep their bridge.
void NodeNetwork::UseFormerCidr(const std::vector<RecordedPod>& pods) {
  if (!options_.default_subnets || options_.pod_cidr) return;
  std::vector<cni::Subnet> former = ParsePodCidr(pod_cidr_.value).value_or(std::vector<cni::Subnet>());
  auto is_in_former = [&](const cni::IpAddress& address) {
    return std::ranges::any_of(former, [&](const cni::Subnet& subnet) { return subnet.Contains(address); });
  };
  bool used = std::ranges::any_of(pods, [&](const RecordedPod& pod) {
    return IsOnBridge(pod.record) &&
           std::ranges::any_of(ParseAddresses(pod.record.addresses).value_or(std::vector<cni::IpAddress>()),
                               is_in_former);
  });
  if (!used) return;
  log_.Log(LogLevel::kWarning,
           "[network.bridge] subnets is not set; the recorded pod CIDR counts while pods have its addresses",
           {{"pod_cidr", pod_cidr_.value}});
  (void)bridge_.MoveTo(former);  // it is not open: this opens nothing
}

void NodeNetwork::CollectPlugins(const std::vector<RecordedPod>& pods) {
  std::vector<std::string> live;
  for (const RecordedPod& pod : pods)
    if (pod.record.plugins) live.push_back(pod.record.id);
  for (const Error& failure : plugin_pods_.CollectCached(live))
    log_.Log(LogLevel::kWarning, "the network of a former pod was not cleaned up",
             {{"error", failure.ToString()}});
  if (ModeInForce() != Mode::kPlugins) return;
  Result<cni::PluginList> plugins = plugin_pods_.Configuration().in_force;
  if (!plugins) return;  // Look reports it
  if (Result<> collected = plugin_pods_.Collect(*plugins, live); !collected)
    log_.Log(LogLevel::kWarning, "network plugins did not clean up",
             {{"error", collected.error().ToString()}});
}

// Only pods that have a network, which they may still lose while the daemon stops them.
void NodeNetwork::CheckPods(const std::vector<RecordedPod>& pods) {
  std::vector<RecordedPod> attached;
  for (const RecordedPod& pod : pods)
    if (pod.record.plugins && pod.record.phase == SandboxPhase::kReady) attached.push_back(pod);
  if (attached.empty()) return;
  auto check = [this](const RecordedPod& pod, int interrupt_fd) {
    return plugin_pods_.CheckPod(pod, interrupt_fd);
  };
  auto report = [this](const std::string& id, const Error& error) {
    log_.Log(LogLevel::kWarning, "the network of a pod is not as plugins made it",
             {{"sandbox", id}, {"error", error.ToString()}});
    NotePodProblem(id, error.ToString());
  };
  Result<std::unique_ptr<PodChecks>> checks = PodChecks::Start(std::move(attached), check, report);
  if (checks) checks_ = std::move(*checks);
}

void NodeNetwork::NotePodProblem(const std::string& id, const std::string& problem) {
  MutexLock lock(seen_mutex_);
  seen_.pod_problems[id] = problem;
}

// On the thread of health_.
Result<> NodeNetwork::Look(int interrupt_fd) {
  Result<> judgement = LookOnce(interrupt_fd);
  MutexLock lock(seen_mutex_);
  ++seen_.checks;
  seen_.checked_at = UnixNanoseconds();
  return judgement;
}

// Keeps the bridge as the mode wants it, and judges.
Result<> NodeNetwork::LookOnce(int interrupt_fd) {
  // A bridge that is opened before the pods are known would lose them.
  if (!recovered_) return Fail(Code::kUnavailable, "check network", "", "pods are not recovered yet");
  Result<> judgement = CheckMode();
  if (judgement || bridge_.HasLeases()) {
    Result<> works = ModeInForce() == Mode::kBridge ? LookAtBridge() : LookAtPlugins(interrupt_fd);
    if (judgement) judgement = std::move(works);
  }
  for (const auto& [id, problem] : bridge_.TakeProblems())
    log_.Log(LogLevel::kError, "pod not taken over by its bridge",
             {{"sandbox", id}, {"error", problem.ToString()}});
  return judgement;
}

// An installation whose pods were on the plugins' network must not get others on the bridge by an upgrade.
Result<> NodeNetwork::CheckMode() {
  if (options_.mode) return {};
  Result<cni::PluginList> plugins = plugin_pods_.Configuration().in_force;
  if (!plugins) return {};
  return Fail(Code::kUnavailable, "choose network", plugins->file,
              "is a configuration of network plugins, but the mode is not set: set [network] mode to \"cni\" "
              "for the plugins or to \"bridge\" for the built-in bridge");
}

Result<> NodeNetwork::LookAtBridge() {
  TRY(bridge_.Open());
  Note(TRY(bridge_.Reconcile()));
  return {};
}

void NodeNetwork::Note(const cni::RepairReport& report) {
  LogChanges(report);
  CorrectMtu(report.other_mtu);
  MutexLock lock(seen_mutex_);
  seen_.firewall_unknown = report.firewall_unknown;
  for (const std::string& sandbox : report.lost)
    seen_.pod_problems.emplace(sandbox, "somebody removed its network interface");
  if (report.repaired.empty()) return;
  ++seen_.repairs;
  seen_.repaired_at = UnixNanoseconds();
  seen_.last_repaired = report.repaired;
}

// On the thread of health_.
void NodeNetwork::LogChanges(const cni::RepairReport& report) {
  for (const std::string& sandbox : report.lost)
    if (std::ranges::find(logged_lost_, sandbox) == logged_lost_.end())
      log_.Log(LogLevel::kError, "somebody removed the network interface of a pod", {{"sandbox", sandbox}});
  logged_lost_ = report.lost;
  for (const auto& [link, reason] : report.unlimited)
    if (!logged_unlimited_.contains(link))
      log_.Log(LogLevel::kError, "the traffic of a pod is not limited", {{"link", link}, {"error", reason}});
  logged_unlimited_ = report.unlimited;
  if (!report.flows_trouble.empty())
    log_.Log(LogLevel::kWarning, "known UDP flows may still lead to who had a host port before",
             {{"error", report.flows_trouble}});
  if (report.firewall_unknown != std::exchange(logged_firewall_, report.firewall_unknown) &&
      !report.firewall_unknown.empty())
    log_.Log(LogLevel::kWarning, "it is not known whether the firewall lets packets of pods through",
             {{"error", report.firewall_unknown}});
  LogRepairs(report.repaired);
}

void NodeNetwork::LogRepairs(const std::vector<std::string>& repaired) {
  if (repaired.empty()) return;
  constexpr size_t kShown = 10;
  std::string text;
  for (const std::string& what : repaired | std::views::take(kShown))
    text += (text.empty() ? "" : "; ") + what;
  log_.Log(LogLevel::kWarning, "network repaired",
           {{"found", text}, {"changes", std::to_string(repaired.size())}});
}

Result<> NodeNetwork::LookAtPlugins(int interrupt_fd) {
  if (bridge_.HasLeases()) {
    if (Result<> works = LookAtBridge(); !works)
      log_.Log(LogLevel::kWarning, "pods that are still on the bridge have no network",
               {{"error", works.error().ToString()}});
  } else {
    Retire();
  }
  cni::PluginSource::Reading configuration = plugin_pods_.Configuration();
  LogComplaint(configuration.complaint);
  return plugin_pods_.Check(TRY(std::move(configuration.in_force)), interrupt_fd);
}

void NodeNetwork::LogComplaint(const std::optional<Error>& complaint) {
  std::string text = complaint ? complaint->ToString() : "";
  if (text == std::exchange(logged_complaint_, text) || text.empty()) return;
  log_.Log(LogLevel::kError, "invalid network configuration; the last valid one stays in force",
           {{"error", text}});
}

// Plugins are in force: a bridge without pods would only be in their way, with the very pod CIDR perhaps.
void NodeNetwork::Retire() {
  if (Result<> closed = bridge_.Retire(); !closed)
    log_.Log(LogLevel::kWarning, "bridge not removed", {{"error", closed.error().ToString()}});
}

Result<> NodeNetwork::Choose(SandboxRecord& record) {
  Result<> chosen = ChooseNetwork(record);
  if (!chosen) health_->LookAgain();
  return chosen;
}

Result<> NodeNetwork::ChooseNetwork(SandboxRecord& record) {
  TRY(CheckMode());
  if (ModeInForce() == Mode::kBridge) return bridge_.Lease(record);
  Result<cni::PluginList> plugins = plugin_pods_.Configuration().in_force;
  if (!plugins && plugins.error().code == Code::kNotFound) plugins.error().code = Code::kUnavailable;
  TRY(plugins);
  Retire();
  record.plugins = PluginLease{plugins->file, plugins->text, ""};
  return {};
}

void NodeNetwork::GiveBack(const SandboxRecord& record) {
  bridge_.GiveBack(record.id);
  // Detach has removed it, unless the pod's record is unreadable and does not name the plugins.
  if (Result<> unpinned = cni::UnpinNetns(options_.plugin_pods.pin_dir, record.id); !unpinned)
    log_.Log(LogLevel::kWarning, "network namespace stays pinned",
             {{"sandbox", record.id}, {"error", unpinned.error().ToString()}});
  patience_.Forget(record.id);
  MutexLock lock(seen_mutex_);
  seen_.pod_problems.erase(record.id);
}

Result<> NodeNetwork::Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                             SandboxRecord& record) {
  Result<> attached =
      record.plugins ? AttachByPlugins(config, netns_fd, record) : bridge_.Attach(config, netns_fd, record);
  if (!attached) {
    health_->LookAgain();
    return attached;
  }
  LogSkippedPorts(config, record);
  return WriteInterfaceSysctls(config, netns_fd);
}

Result<> NodeNetwork::AttachByPlugins(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                                      SandboxRecord& record) {
  std::optional<Error> not_cached = TRY(plugin_pods_.Attach(config, netns_fd, record));
  if (not_cached)
    log_.Log(LogLevel::kWarning, "other programs are not told of the pod's network",
             {{"sandbox", record.id}, {"error", not_cached->ToString()}});
  return {};
}

void NodeNetwork::LogSkippedPorts(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record) {
  if (record.plugins || config.port_mappings().empty()) return;
  Result<std::vector<cni::PortMapping>> ports = HostPorts(config);
  Result<std::vector<cni::IpAddress>> addresses = ParseAddresses(record.addresses);
  if (!ports || !addresses) return;  // Attach has read both
  for (const cni::PortMapping& port : cni::WithoutAddress(*ports, *addresses))
    log_.Log(LogLevel::kWarning, "host port skipped: the pod has no address of its family",
             {{"sandbox", record.id}, {"host_ip", port.host_ip}, {"port", std::to_string(port.host_port)}});
}

Result<Leftovers> NodeNetwork::Detach(const runtime::v1::PodSandboxConfig& config,
                                      const SandboxRecord& record) {
  if (checks_ != nullptr) checks_->Drop(record.id);
  bool last = patience_.IsOver(record.id);
  Result<Leftovers> down =
      TakeDown(config, record, last ? PluginPods::Attempt::kLast : PluginPods::Attempt::kMayRepeat);
  if (!down && last) return Leftovers{std::move(down).error()};
  if (!down) {
    patience_.Failed(record.id);
    health_->LookAgain();
  }
  return down;
}

Result<Leftovers> NodeNetwork::TakeDown(const runtime::v1::PodSandboxConfig& config,
                                        const SandboxRecord& record, PluginPods::Attempt attempt) {
  if (record.plugins) return plugin_pods_.Detach(config, record, attempt);
  return IsOnBridge(record) ? bridge_.Detach(config, record) : Leftovers();
}

void NodeNetwork::EnterPodsBy(Enter enter) {
  MutexLock lock(enter_mutex_);
  enter_ = std::move(enter);
}

// A pod that cannot be entered keeps its MTU until the next look.
void NodeNetwork::CorrectMtu(const std::vector<std::string>& pods) {
  MutexLock lock(enter_mutex_);
  if (!enter_) return;
  for (const std::string& id : pods)
    enter_(id, [this, id](Result<UniqueFd> asked) {
      Result<> done = bridge_.SetPodMtu(id, std::move(asked));
      log_.Log(done ? LogLevel::kInfo : LogLevel::kWarning,
               done ? "pod has the MTU of the bridge now" : "pod keeps another MTU than the bridge",
               {{"sandbox", id}, {"error", done ? "" : done.error().ToString()}});
    });
}

Result<BridgeCounters> NodeNetwork::Counters() {
  return bridge_.Counters();
}

std::vector<cni::LinkCounters> NodeNetwork::CountersOf(const std::string& id,
                                                       const BridgeCounters& on_bridge) const {
  auto found = on_bridge.find(cni::HostInterfaceName(bridge_.name(), id));
  return found != on_bridge.end() ? std::vector{found->second} : plugin_pods_.Counters(id);
}

Result<> NodeNetwork::Check() {
  return health_->Last();
}

Result<> NodeNetwork::SetPodCidr(const std::string& pod_cidr) {
  std::vector<cni::Subnet> wanted = TRY(ParsePodCidr(pod_cidr));
  if (wanted.empty() || ModeInForce() != Mode::kBridge)
    return {};  // the node has none yet, or plugins know it
  if (!options_.pod_cidr) {
    LogOtherCidr(wanted);
    return {};
  }
  wanted = Possible(wanted, log_);
  Result<bool> moved = bridge_.MoveTo(wanted);
  health_->LookAgain();
  if (!moved) return std::unexpected(Within("set pod CIDR " + pod_cidr, std::move(moved).error()));
  return *moved ? pod_cidr_.put(Join(wanted)) : Result<>{};
}

// The kubelet sends it at its start and when it changes.
void NodeNetwork::LogOtherCidr(const std::vector<cni::Subnet>& announced) {
  std::vector<cni::Subnet> configured = bridge_.subnets();
  if (std::ranges::includes(configured, announced)) return;
  log_.Log(LogLevel::kWarning, "the node's pod CIDR is not what the bridge is configured for",
           {{"pod_cidr", Join(announced)}, {"subnets", Join(configured)}});
}

NetworkDescription NodeNetwork::Describe() {
  NetworkDescription description = Seen();
  description.mode = ModeInForce() == Mode::kBridge ? "bridge" : "cni";
  if (ModeInForce() == Mode::kPlugins) {
    cni::PluginSource::Reading configuration = plugin_pods_.Configuration();
    if (configuration.in_force) {
      description.plugin_file = configuration.in_force->file;
      description.plugin_network = configuration.in_force->name;
      description.plugin_version = configuration.in_force->version;
    }
    if (configuration.complaint) description.complaint = configuration.complaint->ToString();
  }
  description.bridge = bridge_.name();
  description.table = options_.bridge.table;
  for (const cni::Subnet& subnet : bridge_.subnets()) description.subnets.push_back(subnet.ToString());
  description.masquerade = options_.bridge.masquerade;
  description.no_masquerade = options_.bridge.no_masquerade.size();
  description.bridge_state = bridge_.State();
  return description;
}

NetworkDescription NodeNetwork::Seen() {
  MutexLock lock(seen_mutex_);
  return seen_;
}

}  // namespace davit::cri
