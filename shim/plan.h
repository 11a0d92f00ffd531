// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Launch plans: everything that the shim and a container's init do, decided beforehand by the daemon as plain
// data.
//
// The daemon builds a plan from CRI and image configuration (cri/spec/), tests it without root, and sends it
// with the request, as a message of base/codec.h. The decoder checks lengths and enum values; the shim does
// exactly what the plan says and adds no defaults. Order of execution: shim/init/container_tree.cc, then
// shim/init/process.cc.
//
// Shims of other releases read plans, and containers' records keep them. A field that an older shim must not
// ignore gets a number of at least kMustUnderstand: an older shim then refuses a plan that uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"

namespace davit::shim {

// Which namespace a container uses. kTarget is valid for pid only (CRI NamespaceMode TARGET).
enum class NamespaceUse : uint8_t { kPod = 0, kOwn = 1, kHost = 2, kTarget = 3 };
constexpr NamespaceUse LastOf(NamespaceUse) {
  return NamespaceUse::kTarget;
}

struct Sysctl {
  std::string path;  // below /proc/sys, with slashes: "net/ipv4/ip_forward"
  std::string value;

  auto Fields() { return FieldList(Field<1>(path), Field<2>(value)); }
};

// Maps `length` ids, starting with `inside`, to the host's ids that start with `outside`.
struct IdRange {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t length = 0;

  bool operator==(const IdRange&) const = default;
  auto Fields() { return FieldList(Field<1>(inside), Field<2>(outside), Field<3>(length)); }
};

// The id mappings of a user namespace (user_namespaces(7)). Empty: no user namespace, ids are the host's.
struct IdMap {
  IdRange uids;
  IdRange gids;

  bool empty() const { return uids.length == 0; }
  bool operator==(const IdMap&) const = default;
  auto Fields() { return FieldList(Field<1>(uids), Field<2>(gids)); }
};

// What RunPodSandbox creates, before any container exists.
struct SandboxPlan {
  std::string sandbox_id;
  std::string hostname;     // empty: the pod uses the host's UTS namespace
  bool own_network = true;  // false: the host's
  bool own_ipc = true;      // false: the host's, /dev/shm included
  bool shared_pid = false;  // a PID namespace for the whole pod, with the reaper as its PID 1
  uint64_t shm_bytes = 64 << 20;
  std::vector<Sysctl> sysctls;  // applied once, inside the pod's namespaces
  IdMap ids;                    // of the pod's user namespace; both ranges begin with id 0 inside
  std::string selinux_files;    // SELinux context of the pod's /dev/shm; empty: none

  auto Fields() {
    return FieldList(Field<1>(sandbox_id), Field<2>(hostname), Field<3>(own_network), Field<4>(own_ipc),
                     Field<5>(shared_pid), Field<6>(shm_bytes), Field<7>(sysctls), Field<8>(ids),
                     Field<9>(selinux_files));
  }
};

enum class MountKind : uint8_t {
  kBind = 0,  // `source` is a path in the daemon's mount namespace, opened by the init child before it leaves
              // that namespace
  kTmpfs = 1,   // a new tmpfs with `options`
  kProc = 2,    // procfs of the container's PID namespace
  kSysfs = 3,   // sysfs of the container's network namespace
  kMqueue = 4,  // of the container's IPC namespace
  kDevpts = 5,  // a new instance with `options`
  kShm = 6,     // the pod's /dev/shm, held by the shim (the host's when the pod has the host's IPC)
  kCgroup = 7,  // /sys/fs/cgroup: each v1 controller or the v2 tree, rooted at the container's own cgroup
                // unless host_cgroup
  kImage = 8,   // an image volume: a mount that is sent with the plan; `source` is a directory in it, empty:
                // its root
  kVolume =
      9,  // the image's directory at the target as a separate mount: writable even under a read-only root
};
constexpr MountKind LastOf(MountKind) {
  return MountKind::kVolume;
}

enum class Propagation : uint8_t { kPrivate = 0, kSlave = 1, kShared = 2 };
constexpr Propagation LastOf(Propagation) {
  return Propagation::kShared;
}

struct MountStep {
  MountKind kind = MountKind::kBind;
  std::string source;
  std::string target;  // absolute, inside the container's root; created if missing
  std::string
      options;  // comma-separated filesystem options, as fsconfig(2) takes them: "mode=755,size=65536k"
  uint64_t attributes = 0;            // MOUNT_ATTR_* to set (mount_setattr(2))
  bool recursive_bind = true;         // also bind the source's submounts (MS_REC)
  bool recursive_attributes = false;  // also set `attributes` on the submounts (AT_RECURSIVE)
  bool source_must_exist = false;     // kBind: a missing source is an error; otherwise it is made, as a
                                      // directory, like the kubelet expects
  Propagation propagation = Propagation::kPrivate;
  IdMap ids;  // kBind: idmapped mount: files of an id `inside` appear as `outside` on the host; not in
              // submounts
  uint32_t image = 0;  // kImage: index of the mount that is sent with the plan (FdRole::kImage), from 0

  auto Fields() {
    return FieldList(Field<1>(kind), Field<2>(source), Field<3>(target), Field<4>(options),
                     Field<5>(attributes), Field<6>(recursive_bind), Field<7>(recursive_attributes),
                     Field<8>(source_must_exist), Field<9>(propagation), Field<10>(ids), Field<11>(image));
  }
};

struct DeviceStep {
  std::string path;  // absolute, inside the container
  char type = 'c';   // 'c', 'b' or 'p'
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t mode = 0666;
  uint32_t uid = 0;  // the host's id, also in a pod with a user namespace
  uint32_t gid = 0;
  std::string access =
      "rwm";  // for the device filter, which the daemon installs; the shim ignores it and all_devices below

  auto Fields() {
    return FieldList(Field<1>(path), Field<2>(type), Field<3>(major), Field<4>(minor), Field<5>(mode),
                     Field<6>(uid), Field<7>(gid), Field<8>(access));
  }
};

struct Rlimit {
  uint32_t resource = 0;  // RLIMIT_*
  uint64_t soft = 0;
  uint64_t hard = 0;

  auto Fields() { return FieldList(Field<1>(resource), Field<2>(soft), Field<3>(hard)); }
};

// The user that the process runs as. Names are looked up in the container's own /etc/passwd and /etc/group,
// after pivot_root(2).
struct UserSpec {
  std::optional<uint32_t> uid;
  std::string name;  // when uid is absent; empty means uid 0
  std::optional<uint32_t> gid;
  std::string group;  // when gid is absent; empty means the user's own group, or 0 for an unknown uid
  std::vector<uint32_t> supplementary;  // always added
  bool merge_image_groups = true;  // SupplementalGroupsPolicy: Merge adds the user's groups from /etc/group
  std::vector<std::string> supplementary_names = {};  // always added, too

  auto Fields() {
    return FieldList(Field<1>(uid), Field<2>(name), Field<3>(gid), Field<4>(group), Field<5>(supplementary),
                     Field<6>(merge_image_groups), Field<7>(supplementary_names));
  }
  bool operator==(const UserSpec&) const = default;
};

// Bit N is capability number N (capabilities(7)).
struct CapabilitySets {
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;  // 0 unless ambient is used
  uint64_t ambient = 0;

  auto Fields() {
    return FieldList(Field<1>(bounding), Field<2>(effective), Field<3>(permitted), Field<4>(inheritable),
                     Field<5>(ambient));
  }
};

// SELinux contexts, and the objects that they are set on. An empty context is not set.
struct SeLinuxPlan {
  std::string process;  // from execve on; empty: the policy derives it from the shim's context
  std::string files;    // of the root and of every filesystem that is created for the container
  // `relabel`: targets of the binds whose sources are relabelled recursively as `files` before they are
  // mounted. `relabel_within`: the last components of the host directory that these sources must be below,
  // the kubelet's directory for the pod.
  std::vector<std::string> relabel;
  std::string relabel_within;

  bool operator==(const SeLinuxPlan&) const = default;
  auto Fields() {
    return FieldList(Field<1>(process), Field<2>(files), Field<3>(relabel), Field<4>(relabel_within));
  }
};

// What a container's init and an exec have in common.
struct ProcessPlan {
  std::vector<std::string> args;  // never empty; args[0] is looked up in PATH of `env`, inside the container
  std::vector<std::string> env;   // "NAME=value"; HOME is added from /etc/passwd when absent
  std::string cwd = "/";          // absolute; created if missing (init only)
  UserSpec user;
  CapabilitySets capabilities;
  bool no_new_privileges = false;
  bool terminal = false;
  bool seccomp = false;  // the frame carries a memfd with the filter: an array of struct sock_filter
  std::optional<int32_t> oom_score_adj;  // the daemon has clamped it to what the host allows
  std::vector<Rlimit> rlimits;
  std::string apparmor_profile;  // loaded by the daemon; empty: none
  SeLinuxPlan selinux;

  auto Fields() {
    return FieldList(Field<1>(args), Field<2>(env), Field<3>(cwd), Field<4>(user), Field<5>(capabilities),
                     Field<6>(no_new_privileges), Field<7>(terminal), Field<8>(seccomp),
                     Field<9>(oom_score_adj), Field<10>(rlimits), Field<11>(apparmor_profile),
                     Field<12>(selinux));
  }
};

struct ContainerPlan {
  std::string container_id;
  NamespaceUse pid = NamespaceUse::kOwn;
  bool host_network = false;
  bool host_ipc = false;
  bool host_uts = false;
  bool host_cgroup = false;  // keeps the host's cgroup namespace and a writable /sys/fs/cgroup (privileged)
  bool read_only_root = false;
  Propagation root_propagation = Propagation::kPrivate;
  std::vector<MountStep> mounts;  // in order
  std::vector<DeviceStep> devices;
  bool all_devices = false;  // the device filter allows every device (privileged)
  std::vector<std::string> masked_paths;
  std::vector<std::string> read_only_paths;
  bool stdin_open = false;  // CRI stdin: a pipe that the shim holds open; else /dev/null
  bool stdin_once = false;
  IdMap ids;  // as in SandboxPlan
  ProcessPlan process;

  auto Fields() {
    return FieldList(Field<1>(container_id), Field<2>(pid), Field<3>(host_network), Field<4>(host_ipc),
                     Field<5>(host_uts), Field<6>(host_cgroup), Field<7>(read_only_root),
                     Field<8>(root_propagation), Field<9>(mounts), Field<10>(devices), Field<11>(all_devices),
                     Field<12>(masked_paths), Field<13>(read_only_paths), Field<14>(stdin_open),
                     Field<15>(stdin_once), Field<16>(ids), Field<kProcess>(process));
  }
  static constexpr uint32_t kProcess = 17;
};

// For Decode: only the process of a ContainerPlan. An exec needs no more, and the mounts take most of the
// time.
struct ContainerProcess {
  ProcessPlan process;

  auto Fields() { return FieldList(Field<ContainerPlan::kProcess>(process)); }
};

}  // namespace davit::shim
