// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/stats/metrics.h"

#include <algorithm>
#include <string_view>

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

struct Kind {
  const char* name;
  const char* help;
  v1::MetricType type;
  std::vector<const char*> more_labels = {};
};

// github.com/google/cadvisor, metrics/prometheus.go, has the meanings.
const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kKinds = {
      {"container_last_seen", "Time of this reading, in seconds since 1970", v1::GAUGE},
      {"container_start_time_seconds", "Start of the container, in seconds since 1970", v1::GAUGE},

      {"container_cpu_user_seconds_total", "CPU time in user mode", v1::COUNTER},
      {"container_cpu_system_seconds_total", "CPU time in the kernel", v1::COUNTER},
      {"container_cpu_usage_seconds_total", "CPU time", v1::COUNTER, {"cpu"}},
      {"container_cpu_cfs_periods_total", "Periods of the CPU quota", v1::COUNTER},
      {"container_cpu_cfs_throttled_periods_total", "Periods in which the quota was used up", v1::COUNTER},
      {"container_cpu_cfs_throttled_seconds_total", "Time spent without quota", v1::COUNTER},

      {"container_memory_cache", "Bytes of page cache", v1::GAUGE},
      {"container_memory_rss", "Bytes of anonymous memory", v1::GAUGE},
      {"container_memory_kernel_usage", "Bytes of kernel memory", v1::GAUGE},
      {"container_memory_mapped_file", "Bytes of mapped files", v1::GAUGE},
      {"container_memory_swap", "Bytes of swap", v1::GAUGE},
      {"container_memory_failcnt", "How often the limit was hit", v1::COUNTER},
      {"container_memory_usage_bytes", "Bytes of memory, page cache included", v1::GAUGE},
      {"container_memory_max_usage_bytes", "The most bytes of memory so far", v1::GAUGE},
      {"container_memory_working_set_bytes", "Bytes of memory but inactive file pages", v1::GAUGE},
      {"container_memory_total_active_file_bytes", "Bytes of active file pages", v1::GAUGE},
      {"container_memory_total_inactive_file_bytes", "Bytes of inactive file pages", v1::GAUGE},
      {"container_memory_failures_total", "Page faults", v1::COUNTER, {"failure_type", "scope"}},
      {"container_oom_events_total", "Processes killed for want of memory", v1::COUNTER},

      {"container_fs_usage_bytes", "Bytes that the container wrote", v1::GAUGE, {"device"}},
      {"container_fs_limit_bytes", "Bytes of the filesystem", v1::GAUGE, {"device"}},
      {"container_fs_inodes_free", "Free inodes of the filesystem", v1::GAUGE, {"device"}},
      {"container_fs_inodes_total", "Inodes of the filesystem", v1::GAUGE, {"device"}},
      {"container_fs_reads_bytes_total", "Bytes read", v1::COUNTER, {"device"}},
      {"container_fs_reads_total", "Reads", v1::COUNTER, {"device"}},
      {"container_fs_writes_bytes_total", "Bytes written", v1::COUNTER, {"device"}},
      {"container_fs_writes_total", "Writes", v1::COUNTER, {"device"}},
      {"container_blkio_device_usage_total",
       "Bytes read and written",
       v1::COUNTER,
       {"device", "major", "minor", "operation"}},

      {"container_network_receive_bytes_total", "Bytes received", v1::COUNTER, {"interface"}},
      {"container_network_receive_packets_total", "Packets received", v1::COUNTER, {"interface"}},
      {"container_network_receive_packets_dropped_total",
       "Packets dropped while receiving",
       v1::COUNTER,
       {"interface"}},
      {"container_network_receive_errors_total", "Errors while receiving", v1::COUNTER, {"interface"}},
      {"container_network_transmit_bytes_total", "Bytes sent", v1::COUNTER, {"interface"}},
      {"container_network_transmit_packets_total", "Packets sent", v1::COUNTER, {"interface"}},
      {"container_network_transmit_packets_dropped_total",
       "Packets dropped while sending",
       v1::COUNTER,
       {"interface"}},
      {"container_network_transmit_errors_total", "Errors while sending", v1::COUNTER, {"interface"}},

      {"container_processes", "Processes", v1::GAUGE},
      {"container_threads", "Threads", v1::GAUGE},
      {"container_threads_max", "The most threads allowed; 0: no limit", v1::GAUGE},

      {"container_spec_cpu_period", "Period of the CPU quota, in microseconds", v1::GAUGE},
      {"container_spec_cpu_quota", "CPU quota, in microseconds", v1::GAUGE},
      {"container_spec_cpu_shares", "CPU shares", v1::GAUGE},
      {"container_spec_memory_limit_bytes", "Limit of memory; 0: none", v1::GAUGE},
      {"container_spec_memory_swap_limit_bytes", "Limit of memory and swap together; 0: none", v1::GAUGE},

      {"container_pressure_cpu_stalled_seconds_total", "Time in which all tasks waited for a CPU",
       v1::COUNTER},
      {"container_pressure_cpu_waiting_seconds_total", "Time in which a task waited for a CPU", v1::COUNTER},
      {"container_pressure_memory_stalled_seconds_total", "Time in which all tasks waited for memory",
       v1::COUNTER},
      {"container_pressure_memory_waiting_seconds_total", "Time in which a task waited for memory",
       v1::COUNTER},
      {"container_pressure_io_stalled_seconds_total", "Time in which all tasks waited for I/O", v1::COUNTER},
      {"container_pressure_io_waiting_seconds_total", "Time in which a task waited for I/O", v1::COUNTER},
  };
  return kKinds;
}

}  // namespace

std::vector<v1::MetricDescriptor> MetricDescriptors() {
  std::vector<v1::MetricDescriptor> descriptors;
  for (const Kind& kind : Kinds()) {
    v1::MetricDescriptor& descriptor = descriptors.emplace_back();
    descriptor.set_name(kind.name);
    descriptor.set_help(kind.help);
    for (const char* label : {"id", "name", "image", "pod", "namespace", "container"})
      descriptor.add_label_keys(label);
    for (const char* label : kind.more_labels) descriptor.add_label_keys(label);
  }
  return descriptors;
}

void MetricList::Add(const char* name, uint64_t value, const std::vector<std::string>& more) {
  auto kind =
      std::ranges::find_if(Kinds(), [name](const Kind& k) { return std::string_view(k.name) == name; });
  if (kind == Kinds().end()) return;
  v1::Metric& metric = *metrics_.Add();
  metric.set_name(name);
  // No timestamp: it says when a value was kept, and these are read when they are asked for.
  metric.set_metric_type(kind->type);
  for (const std::string* label : {&labels_.id, &labels_.name, &labels_.image, &labels_.pod,
                                   &labels_.namespace_name, &labels_.container})
    metric.add_label_values(*label);
  for (const std::string& label : more) metric.add_label_values(label);
  metric.mutable_value()->set_value(value);
}

}  // namespace davit::cri
