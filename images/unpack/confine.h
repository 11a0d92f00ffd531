// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cell in which a layer is unpacked. Tar readers of container engines have been talked into writing
// elsewhere time and again; here there is no elsewhere.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// For a process that has one thread and started as root, before it reads a byte of the layer:
// - mount, network, IPC, UTS and cgroup namespaces of its own; the root directory is the layer's, mounted
// nodev, nosuid
//   and noexec, and nothing else is mounted: no /proc, no /dev, no host;
// - `layer_fd` and all other descriptors but 0, 1, 2 and `report_fd` are closed: a ".." from them would lead
// out;
// - capabilities are CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD and SETFCAP, in no set that could give more,
// and
//   no_new_privs is set. CAP_SYS_ADMIN, which trusted.overlay.opaque would take, is not among them: it would
//   give back mount(2), so the daemon sets that attribute;
// - resource limits that root without CAP_SYS_RESOURCE may set as well: they only go down;
// - a seccomp filter that knows file calls on descriptors, memory and threads, and nothing else.
// Returns the layer's directory as this process now sees it. After an error the process is half confined: it
// must end.
Result<UniqueFd> Confine(int layer_fd, int report_fd);

}  // namespace davit
