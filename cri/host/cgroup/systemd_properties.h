// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The properties of systemd's units that stand for limits and device rules (systemd.resource-control(5)):
// plain data. systemd writes the cgroup files of a unit anew, after a daemon-reload for example: a limit that
// it does not know would be lost then.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/device_filter.h"
#include "cri/host/cgroup/write_plan.h"
#include "cri/host/systemd/systemd.h"

namespace davit::cri {

// Of a scope in `slice` whose first process is `pid`. What is below its cgroup is not systemd's business. A
// unit that fails is forgotten like one that ends (CollectMode= in systemd.unit(5)).
UnitProperties ScopeProperties(const std::string& description, const std::string& slice, pid_t pid);

// Of a slice below the slice `parent`.
UnitProperties SliceProperties(const std::string& description, const std::string& parent);

// The limits among `writes`, which are for cgroup v2. The last write to a file counts. Files for which there
// is no property are omitted, and those that need a later version of systemd. kInvalidArgument for a value
// that the file does not take.
Result<UnitProperties> LimitProperties(const std::vector<CgroupWrite>& writes, int systemd_version);

// The same for a unit whose files had the content `before`: cpu.idle = 0 is omitted if it was 0, because the
// kernel then leaves the weight as it is, and systemd would not.
Result<UnitProperties> ChangedLimits(const std::vector<CgroupWrite>& before,
                                     const std::vector<CgroupWrite>& writes, int systemd_version);

// Adds that there is no limit of tasks, unless `limits` has one: a new scope would have systemd's default
// (DefaultTasksMax= in systemd-system.conf(5)), which is 15 % of what the host can have.
void LimitTasks(UnitProperties& limits);

// What can only be set when a unit is made: what systemd does if the OOM killer strikes.
UnitProperties OomProperties(const std::vector<CgroupWrite>& writes, int systemd_version);

// Empty if systemd cannot express a rule: it then leaves the devices to the caller's own filter.
UnitProperties DeviceProperties(const DeviceFilter& filter);

// systemd keeps a CPU quota as a whole percentage of a CPU. Rounds cpu.max up to one, so that it does not
// change when systemd writes it.
std::vector<CgroupWrite> RoundCpuQuota(std::vector<CgroupWrite> writes);

}  // namespace davit::cri
