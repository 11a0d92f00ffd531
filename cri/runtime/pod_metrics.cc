// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "cri/runtime/if_running.h"
#include "cri/runtime/pod_status.h"
#include "cri/runtime/statistics.h"
#include "cri/runtime/usage_patience.h"
#include "cri/stats/cri_usage.h"
#include "cri/stats/disk_io.h"
#include "cri/stats/metrics.h"
#include "cri/stats/pressure.h"

namespace davit::cri {
namespace {

constexpr uint64_t kNanosecond = 1'000'000'000;
constexpr uint64_t kMicrosecond = 1'000'000;

void AddCpu(const CgroupFiles& files, bool has_quota, MetricList& list) {
  std::string stat = files.Read("cpu", "cpu.stat").value_or("");
  auto add = [&list](const char* name, std::optional<uint64_t> value, uint64_t unit) {
    if (value) list.Add(name, *value / unit);
  };
  if (std::optional<uint64_t> total = ReadCpuTime(files))
    list.Add("container_cpu_usage_seconds_total", *total / kNanosecond, {"total"});
  bool v2 = files.V2("cpu");
  if (v2) {
    add("container_cpu_user_seconds_total", FindValue(stat, "user_usec"), kMicrosecond);
    add("container_cpu_system_seconds_total", FindValue(stat, "system_usec"), kMicrosecond);
  } else {
    add("container_cpu_user_seconds_total", files.Number("cpuacct", "cpuacct.usage_user"), kNanosecond);
    add("container_cpu_system_seconds_total", files.Number("cpuacct", "cpuacct.usage_sys"), kNanosecond);
  }
  if (!has_quota) return;
  add("container_cpu_cfs_periods_total", FindValue(stat, "nr_periods"), 1);
  add("container_cpu_cfs_throttled_periods_total", FindValue(stat, "nr_throttled"), 1);
  add("container_cpu_cfs_throttled_seconds_total", FindValue(stat, v2 ? "throttled_usec" : "throttled_time"),
      v2 ? kMicrosecond : kNanosecond);
}

// What the controller counts besides MemoryUse.
void AddMemoryEvents(const CgroupFiles& files, MetricList& list) {
  auto add = [&list](const char* name, std::optional<uint64_t> value) {
    if (value) list.Add(name, *value);
  };
  if (files.V2("memory")) {
    std::string events = files.Read("memory", "memory.events").value_or("");
    add("container_memory_kernel_usage",
        FindValue(files.Read("memory", "memory.stat").value_or(""), "kernel"));
    add("container_memory_failcnt", FindValue(events, "max"));
    add("container_memory_max_usage_bytes", files.Number("memory", "memory.peak"));
    add("container_oom_events_total", FindValue(events, "oom_kill"));
    return;
  }
  add("container_memory_kernel_usage", files.Number("memory", "memory.kmem.usage_in_bytes"));
  add("container_memory_failcnt", files.Number("memory", "memory.failcnt"));
  add("container_memory_max_usage_bytes", files.Number("memory", "memory.max_usage_in_bytes"));
  add("container_oom_events_total",
      FindValue(files.Read("memory", "memory.oom_control").value_or(""), "oom_kill"));
}

void AddMemory(const CgroupFiles& files, MetricList& list) {
  std::optional<MemoryUse> use = ReadMemory(files);
  if (!use) return;
  list.Add("container_memory_cache", use->cache);
  list.Add("container_memory_rss", use->rss);
  list.Add("container_memory_mapped_file", use->mapped_file);
  list.Add("container_memory_swap", use->swap.value_or(0));
  list.Add("container_memory_usage_bytes", use->usage);
  list.Add("container_memory_working_set_bytes", use->working_set());
  list.Add("container_memory_total_active_file_bytes", use->active_file);
  list.Add("container_memory_total_inactive_file_bytes", use->inactive_file);
  for (const char* scope : {"container", "hierarchy"}) {
    list.Add("container_memory_failures_total", use->page_faults, {"pgfault", scope});
    list.Add("container_memory_failures_total", use->major_page_faults, {"pgmajfault", scope});
  }
  AddMemoryEvents(files, list);
}

void AddDiskIo(const CgroupFiles& files, MetricList& list) {
  for (const DeviceIo& io : ReadDiskIo(files)) {
    std::string device = DeviceName(io.major, io.minor);
    std::string major = std::to_string(io.major);
    std::string minor = std::to_string(io.minor);
    list.Add("container_fs_reads_bytes_total", io.read_bytes, {device});
    list.Add("container_fs_reads_total", io.reads, {device});
    list.Add("container_fs_writes_bytes_total", io.written_bytes, {device});
    list.Add("container_fs_writes_total", io.writes, {device});
    list.Add("container_blkio_device_usage_total", io.read_bytes, {device, major, minor, "Read"});
    list.Add("container_blkio_device_usage_total", io.written_bytes, {device, major, minor, "Write"});
  }
}

void AddFilesystem(const std::string& root, std::optional<snapshotter::UsageReading> layer,
                   MetricList& list) {
  struct stat st{};
  struct statvfs filesystem{};
  if (stat(root.c_str(), &st) < 0 || statvfs(root.c_str(), &filesystem) < 0) return;
  std::string device = DeviceName(major(st.st_dev), minor(st.st_dev));
  if (layer) list.Add("container_fs_usage_bytes", layer->usage.bytes, {device});
  list.Add("container_fs_limit_bytes", filesystem.f_blocks * filesystem.f_frsize, {device});
  list.Add("container_fs_inodes_free", filesystem.f_ffree, {device});
  list.Add("container_fs_inodes_total", filesystem.f_files, {device});
}

void AddProcesses(const CgroupFiles& files, MetricList& list) {
  if (auto procs = files.Read("pids", "cgroup.procs"))
    list.Add("container_processes", static_cast<uint64_t>(std::ranges::count(*procs, '\n')));
  if (auto threads = files.Number("pids", "pids.current")) list.Add("container_threads", *threads);
  if (files.Read("pids", "pids.max"))
    list.Add("container_threads_max", files.Number("pids", "pids.max").value_or(0));
}

void AddPressure(const CgroupFiles& files, MetricList& list) {
  auto add = [&](const char* resource, const char* stalled, const char* waiting) {
    std::optional<Pressure> pressure = ReadPressure(files, resource);
    if (!pressure) return;
    list.Add(stalled, pressure->full.total_us / kMicrosecond);
    list.Add(waiting, pressure->some.total_us / kMicrosecond);
  };
  add("cpu", "container_pressure_cpu_stalled_seconds_total", "container_pressure_cpu_waiting_seconds_total");
  add("memory", "container_pressure_memory_stalled_seconds_total",
      "container_pressure_memory_waiting_seconds_total");
  add("io", "container_pressure_io_stalled_seconds_total", "container_pressure_io_waiting_seconds_total");
}

void AddSpec(const v1::LinuxContainerResources& resources, MetricList& list) {
  auto positive = [](int64_t value) { return static_cast<uint64_t>(std::max<int64_t>(value, 0)); };
  list.Add("container_spec_cpu_period", positive(resources.cpu_period()));
  if (resources.cpu_quota() > 0) list.Add("container_spec_cpu_quota", positive(resources.cpu_quota()));
  list.Add("container_spec_cpu_shares", positive(resources.cpu_shares()));
  list.Add("container_spec_memory_limit_bytes", positive(resources.memory_limit_in_bytes()));
  list.Add("container_spec_memory_swap_limit_bytes", positive(resources.memory_swap_limit_in_bytes()));
}

void AddNetwork(const cni::LinkCounters& link, MetricList& list) {
  const cni::Traffic& in = link.received;
  const cni::Traffic& out = link.sent;
  list.Add("container_network_receive_bytes_total", in.bytes, {link.name});
  list.Add("container_network_receive_packets_total", in.packets, {link.name});
  list.Add("container_network_receive_packets_dropped_total", in.dropped, {link.name});
  list.Add("container_network_receive_errors_total", in.errors, {link.name});
  list.Add("container_network_transmit_bytes_total", out.bytes, {link.name});
  list.Add("container_network_transmit_packets_total", out.packets, {link.name});
  list.Add("container_network_transmit_packets_dropped_total", out.dropped, {link.name});
  list.Add("container_network_transmit_errors_total", out.errors, {link.name});
}

uint64_t Seconds(int64_t unix_nanoseconds) {
  return static_cast<uint64_t>(unix_nanoseconds) / kNanosecond;
}

}  // namespace

Result<std::vector<v1::PodSandboxMetrics>> Statistics::Metrics() {
  int64_t usage_deadline = UsageDeadline();
  BridgeCounters counters = TRY(ports_.network.Counters());
  std::vector<v1::PodSandboxMetrics> found;
  for (const SandboxPtr& sandbox : ports_.pods.Sandboxes(Owner::kCri)) {
    if (!sandbox->ready()) continue;
    v1::PodSandboxMetrics metrics = MetricsOf(*sandbox, counters);
    for (const ContainerPtr& container : ports_.pods.ContainersOf(sandbox->id())) {
      auto figures = IfRunning(*container, [&] { return MetricsOf(*container, usage_deadline); });
      if (figures) *metrics.add_container_metrics() = std::move(*figures);
    }
    if (sandbox->ready()) found.push_back(std::move(metrics));
  }
  return found;
}

// The pod's own: cAdvisor has the rest of them by container, and sums would count them twice.
v1::PodSandboxMetrics Statistics::MetricsOf(const Sandbox& sandbox, const BridgeCounters& counters) const {
  SandboxRecord record = sandbox.record().Get();
  v1::PodSandboxMetrics metrics;
  metrics.set_pod_sandbox_id(sandbox.id());
  const v1::PodSandboxMetadata& metadata = sandbox.config().metadata();
  MetricList list({record.cgroup_parent, sandbox.id(), /*image=*/"", metadata.name(), metadata.namespace_(),
                   /*container=*/""},
                  *metrics.mutable_metrics());
  for (const cni::LinkCounters& link : ports_.network.CountersOf(sandbox.id(), counters))
    AddNetwork(link, list);
  return metrics;
}

v1::ContainerMetrics Statistics::MetricsOf(const Container& container, int64_t usage_deadline_ms) const {
  ContainerRecord record = container.record().Get();
  const v1::PodSandboxMetadata& pod = container.sandbox().config().metadata();
  v1::ContainerMetrics metrics;
  metrics.set_container_id(container.id());
  MetricList list({record.cgroup_path, container.id(), container.config().image().image(), pod.name(),
                   pod.namespace_(), container.config().metadata().name()},
                  *metrics.mutable_metrics());
  CgroupFiles files(ports_.cgroups.hierarchies(), record.cgroup_path);
  v1::LinuxContainerResources resources = ResourcesOf(container);

  list.Add("container_last_seen", Seconds(UnixNanoseconds()));
  list.Add("container_start_time_seconds", Seconds(record.started_at));
  AddCpu(files, resources.cpu_quota() > 0, list);
  AddMemory(files, list);
  AddDiskIo(files, list);
  AddFilesystem(ports_.snapshots.root(),
                ports_.snapshots.RecentContainerUsage(container.id(), usage_deadline_ms), list);
  AddProcesses(files, list);
  AddPressure(files, list);
  AddSpec(resources, list);
  return metrics;
}

}  // namespace davit::cri
