// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/device_program.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace davit::cri {
namespace {

// As the program uses them.
constexpr uint8_t kResult = BPF_REG_0;
constexpr uint8_t kContext = BPF_REG_1;  // free once the fields are loaded
constexpr uint8_t kScratch = BPF_REG_1;
constexpr uint8_t kType = BPF_REG_2;
constexpr uint8_t kAccess = BPF_REG_3;
constexpr uint8_t kMajor = BPF_REG_4;
constexpr uint8_t kMinor = BPF_REG_5;

constexpr int32_t kAllAccesses = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

// Above this number of different filters somebody makes them up: loaded programs are forgotten, not refused.
constexpr size_t kMaxLoaded = 64;

bpf_insn LoadField(uint8_t destination, size_t offset) {
  return {BPF_LDX | BPF_MEM | BPF_W, destination, kContext, static_cast<int16_t>(offset), 0};
}

bpf_insn Move(uint8_t destination, uint8_t source) {
  return {BPF_ALU | BPF_MOV | BPF_X, destination, source, 0, 0};
}

bpf_insn MoveNumber(uint8_t destination, int32_t number) {
  return {BPF_ALU | BPF_MOV | BPF_K, destination, 0, 0, number};
}

bpf_insn AndNumber(uint8_t destination, int32_t number) {
  return {BPF_ALU | BPF_AND | BPF_K, destination, 0, 0, number};
}

bpf_insn ShiftRight(uint8_t destination, int32_t bits) {
  return {BPF_ALU | BPF_RSH | BPF_K, destination, 0, 0, bits};
}

// The jump's target is filled in by AppendRule.
bpf_insn UnlessEqual(uint8_t reg, int64_t number) {
  return {BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, static_cast<int32_t>(number)};
}

bpf_insn UnlessZero(uint8_t reg) {
  return UnlessEqual(reg, 0);
}

bpf_insn Exit() {
  return {BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
}

int32_t AccessBits(const std::string& access) {
  int32_t bits = 0;
  if (access.contains('r')) bits |= BPF_DEVCG_ACC_READ;
  if (access.contains('w')) bits |= BPF_DEVCG_ACC_WRITE;
  if (access.contains('m')) bits |= BPF_DEVCG_ACC_MKNOD;
  return bits;
}

void AppendRule(const DeviceRule& rule, std::vector<bpf_insn>& program) {
  std::vector<bpf_insn> block;
  block.push_back(UnlessEqual(kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
  if (int32_t bits = AccessBits(rule.access); bits != kAllAccesses) {
    block.push_back(Move(kScratch, kAccess));
    block.push_back(AndNumber(kScratch, kAllAccesses & ~bits));
    block.push_back(UnlessZero(kScratch));
  }
  if (rule.major != -1) block.push_back(UnlessEqual(kMajor, rule.major));
  if (rule.minor != -1) block.push_back(UnlessEqual(kMinor, rule.minor));
  block.push_back(MoveNumber(kResult, 1));
  block.push_back(Exit());
  for (size_t at = 0; at < block.size(); ++at) {
    // Every condition that does not hold leads to the next rule; offsets count from the instruction behind.
    if (block[at].code == (BPF_JMP32 | BPF_JNE | BPF_K))
      block[at].off = static_cast<int16_t>(block.size() - at - 1);
  }
  program.insert(program.end(), block.begin(), block.end());
}

int64_t Bpf(int command, bpf_attr& attributes) {
  return syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

Result<UniqueFd> LoadProgram(const std::vector<bpf_insn>& program) {
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<uintptr_t>(program.data());
  attributes.insn_cnt = static_cast<uint32_t>(program.size());
  attributes.license = reinterpret_cast<uintptr_t>(kLicense);
  std::memcpy(attributes.prog_name, "davit_devices", sizeof "davit_devices");
  // EAGAIN: the verifier was interrupted by a signal (bpf(2)).
  for (int attempt = 0;; ++attempt) {
    int64_t fd = Bpf(BPF_PROG_LOAD, attributes);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));  // bpf(2) descriptors are O_CLOEXEC
    if (errno != EAGAIN || attempt == 5) return SystemError("load device filter", "bpf(BPF_PROG_LOAD)");
  }
}

// The ids of the device programs attached to the cgroup itself. More than one is not our doing.
Result<std::vector<uint32_t>> AttachedPrograms(int cgroup, const std::string& path) {
  std::array<uint32_t, 16> ids{};
  bpf_attr attributes{};
  attributes.query.target_fd = static_cast<uint32_t>(cgroup);
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = reinterpret_cast<uintptr_t>(ids.data());
  attributes.query.prog_cnt = ids.size();
  if (Bpf(BPF_PROG_QUERY, attributes) != 0) return SystemError("query device filter", path);
  return std::vector<uint32_t>(ids.begin(), ids.begin() + attributes.query.prog_cnt);
}

Result<UniqueFd> OpenProgram(uint32_t id, const std::string& path) {
  bpf_attr attributes{};
  attributes.prog_id = id;
  int64_t fd = Bpf(BPF_PROG_GET_FD_BY_ID, attributes);
  if (fd < 0) return SystemError("open device filter", path);
  return UniqueFd(static_cast<int>(fd));
}

Result<> Attach(int cgroup, int program, int replaced, const std::string& path) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (replaced >= 0) {
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = static_cast<uint32_t>(replaced);
  }
  if (Bpf(BPF_PROG_ATTACH, attributes) != 0) return SystemError("attach device filter", path);
  return {};
}

Result<> Detach(int cgroup, int program, const std::string& path) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  if (Bpf(BPF_PROG_DETACH, attributes) != 0) return SystemError("detach device filter", path);
  return {};
}

}  // namespace

std::vector<bpf_insn> BuildDeviceProgram(const DeviceFilter& filter) {
  std::vector<bpf_insn> program = {
      LoadField(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
      LoadField(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
      // The access in the upper half, the type in the lower one.
      LoadField(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
      Move(kAccess, kType),
      AndNumber(kType, 0xffff),
      ShiftRight(kAccess, 16),
  };
  for (const DeviceRule& rule : filter.allowed) AppendRule(rule, program);
  program.push_back(MoveNumber(kResult, filter.allow_all ? 1 : 0));
  program.push_back(Exit());
  return program;
}

Result<std::shared_ptr<UniqueFd>> DevicePrograms::Load(const DeviceFilter& filter) {
  std::vector<bpf_insn> program = BuildDeviceProgram(filter);
  std::string key(reinterpret_cast<const char*>(program.data()), program.size() * sizeof(bpf_insn));
  MutexLock lock(mutex_);
  if (auto found = loaded_.find(key); found != loaded_.end()) return found->second;
  if (loaded_.size() >= kMaxLoaded) loaded_.clear();
  auto fd = std::make_shared<UniqueFd>(TRY(LoadProgram(program)));
  loaded_.emplace(std::move(key), fd);
  return fd;
}

Result<> AttachDeviceProgram(int cgroup, int program, const std::string& cgroup_path) {
  std::vector<uint32_t> present = TRY(AttachedPrograms(cgroup, cgroup_path));
  UniqueFd replaced;
  if (!present.empty()) replaced = TRY(OpenProgram(present.front(), cgroup_path));
  TRY(Attach(cgroup, program, replaced.get(), cgroup_path));
  for (size_t i = 1; i < present.size(); ++i) {
    UniqueFd other = TRY(OpenProgram(present[i], cgroup_path));
    TRY(Detach(cgroup, other.get(), cgroup_path));
  }
  return {};
}

}  // namespace davit::cri
