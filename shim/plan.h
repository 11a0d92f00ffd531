// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Launch plans: everything that the shim and a container's init do, decided beforehand by the daemon as plain
// data.
//
// The daemon builds a plan from CRI and image configuration (cri/spec/), tests it without root, and hands it
// over as a sealed memfd in the form of base/codec.h. The shim checks lengths and enum values and does what
// the plan says, nothing else: no defaults are invented on its side. Order of execution: the numbered
// comments of shim/init/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/codec.h"

namespace davit {

constexpr size_t kMaxPlanBytes = 8 << 20;

// Which namespace a container uses. kTarget is valid for pid only (CRI NamespaceMode TARGET).
enum class NamespaceUse : uint8_t { kPod, kOwn, kHost, kTarget };

struct Sysctl {
  std::string path;  // below /proc/sys, with slashes: "net/ipv4/ip_forward"
  std::string value;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.path, s.value);
  }
};

// `length` ids from `inside` on are those from `outside` on, as the host counts.
struct IdRange {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t length = 0;

  bool operator==(const IdRange&) const = default;
  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.inside, s.outside, s.length);
  }
};

// The ids of a user namespace (user_namespaces(7)); empty: none, the host's ids are meant.
struct IdMap {
  IdRange uids;
  IdRange gids;

  bool empty() const { return uids.length == 0; }
  bool operator==(const IdMap&) const = default;
  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.uids, s.gids);
  }
};

// What RunPodSandbox makes, before any container exists.
struct SandboxPlan {
  std::string sandbox_id;
  std::string hostname;     // empty: the pod uses the host's UTS namespace
  bool own_network = true;  // false: the host's
  bool own_ipc = true;      // false: the host's, /dev/shm included
  bool shared_pid = false;  // a PID namespace for the whole pod, with the reaper as its PID 1
  uint64_t shm_bytes = 64 << 20;
  std::vector<Sysctl> sysctls;          // applied once, inside the pod's namespaces
  IdMap ids;                            // of the pod's user namespace; both ranges begin with id 0 inside
  Appended<std::string> selinux_files;  // SELinux context of the pod's /dev/shm; empty: none

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.sandbox_id, s.hostname, s.own_network, s.own_ipc, s.shared_pid, s.shm_bytes, s.sysctls,
                    s.ids, s.selinux_files);
  }
};

enum class MountKind : uint8_t {
  kBind,    // `source` is a path in the daemon's mount namespace, opened by the init child before it leaves
            // that
  kTmpfs,   // a new tmpfs with `options`
  kProc,    // procfs of the container's PID namespace
  kSysfs,   // sysfs of the container's network namespace
  kMqueue,  // of the container's IPC namespace
  kDevpts,  // a new instance with `options`
  kShm,     // the pod's /dev/shm, held by the shim (the host's when the pod has the host's IPC)
  kCgroup,  // /sys/fs/cgroup: each v1 controller or the v2 tree, rooted at the container's own cgroup unless
            // host_cgroup
  kImage,   // an image volume, a mount that comes with the plan; `source` is a directory in it, empty: its
            // root
  kVolume,  // what the image has at the target, on a mount of its own: writable also under a read-only root
};

enum class Propagation : uint8_t { kPrivate, kSlave, kShared };

struct MountStep {
  MountKind kind = MountKind::kBind;
  std::string source;
  std::string target;  // absolute, inside the container's root; made when missing
  std::string
      options;  // comma-separated filesystem options, as fsconfig(2) takes them: "mode=755,size=65536k"
  uint64_t attributes = 0;            // MOUNT_ATTR_* to set (mount_setattr(2))
  bool recursive_bind = true;         // MS_REC: the source's submounts come along
  bool recursive_attributes = false;  // AT_RECURSIVE: read-only reaches the submounts
  bool source_is_ours = false;  // a file that davitd made; otherwise a missing source directory is made first
  Propagation propagation = Propagation::kPrivate;
  IdMap ids;           // kBind: files of `outside` show those `inside` (idmapped mount); not its submounts
  uint32_t image = 0;  // kImage: which of the mounts that come with the plan (FdRole::kImage), from 0

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.kind, s.source, s.target, s.options, s.attributes, s.recursive_bind,
                    s.recursive_attributes, s.source_is_ours, s.propagation, s.ids, s.image);
  }
};

struct DeviceStep {
  std::string path;  // absolute, inside the container
  char type = 'c';   // 'c', 'b' or 'p'
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t mode = 0666;
  uint32_t uid = 0;  // as the host counts, whatever the pod's user namespace: a device is the host's
  uint32_t gid = 0;
  std::string access =
      "rwm";  // what the cgroup's filter allows: the daemon's affair, as is all_devices below

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.path, s.type, s.major, s.minor, s.mode, s.uid, s.gid, s.access);
  }
};

struct Rlimit {
  uint32_t resource = 0;  // RLIMIT_*
  uint64_t soft = 0;
  uint64_t hard = 0;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.resource, s.soft, s.hard);
  }
};

// Who the process runs as. Names are looked up in the container's own /etc/passwd and /etc/group, after the
// pivot.
struct UserSpec {
  std::optional<uint32_t> uid;
  std::string name;  // when uid is absent; empty means uid 0
  std::optional<uint32_t> gid;
  std::string group;  // when gid is absent; empty means the user's own group, or 0 for an unknown uid
  std::vector<uint32_t> supplementary;  // added in any case
  bool merge_image_groups = true;  // SupplementalGroupsPolicy: Merge adds the user's groups from /etc/group

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.uid, s.name, s.gid, s.group, s.supplementary, s.merge_image_groups);
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

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.bounding, s.effective, s.permitted, s.inheritable, s.ambient);
  }
};

// SELinux contexts, and what gets them; all empty: none.
struct SeLinuxPlan {
  std::string process;  // from execve on; empty: what the policy makes of the shim's own
  std::string files;    // of the root and of every filesystem that is made for the container
  // Targets of the binds whose sources, with all that is in them, are given the context `files` first, and
  // the directory that the host's paths of those sources have to lie below, by its last components: the pod's
  // directory of the kubelet.
  std::vector<std::string> relabel;
  std::string relabel_within;

  bool operator==(const SeLinuxPlan&) const = default;
  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.process, s.files, s.relabel, s.relabel_within);
  }
};

// What a container's init and an exec have in common. The last part of every plan that has it: it may grow at
// its end (base/codec.h).
struct ProcessPlan {
  std::vector<std::string> args;  // never empty; args[0] is looked up in PATH of `env`, inside the container
  std::vector<std::string> env;   // "NAME=value"; HOME is added from /etc/passwd when absent
  std::string cwd = "/";          // absolute; made when missing (init only)
  UserSpec user;
  CapabilitySets capabilities;
  bool no_new_privileges = false;
  bool terminal = false;
  bool seccomp = false;  // the frame carries a memfd with the filter: an array of struct sock_filter
  std::optional<int32_t> oom_score_adj;  // clamped to what the host allows
  std::vector<Rlimit> rlimits;
  Appended<std::string> apparmor_profile;  // loaded by the daemon; empty: none
  Appended<SeLinuxPlan> selinux;           // here, because this is what may grow

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.args, s.env, s.cwd, s.user, s.capabilities, s.no_new_privileges, s.terminal, s.seccomp,
                    s.oom_score_adj, s.rlimits, s.apparmor_profile, s.selinux);
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
  bool all_devices = false;  // the filter lets every device through (privileged)
  std::vector<std::string> masked_paths;
  std::vector<std::string> read_only_paths;
  bool stdin_open = false;  // CRI stdin: a pipe that the shim holds open; else /dev/null
  bool stdin_once = false;
  IdMap ids;  // as in SandboxPlan
  ProcessPlan process;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id, s.pid, s.host_network, s.host_ipc, s.host_uts, s.host_cgroup,
                    s.read_only_root, s.root_propagation, s.mounts, s.devices, s.all_devices, s.masked_paths,
                    s.read_only_paths, s.stdin_open, s.stdin_once, s.ids, s.process);
  }
};

}  // namespace davit
