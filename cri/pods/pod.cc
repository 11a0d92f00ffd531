// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/pod.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/duplicate.h"

namespace davit {

void ExecTable::Expect(const std::string& exec_id, OnEnd on_end) {
  MutexLock lock(mutex_);
  waiting_[exec_id] = std::move(on_end);
}

void ExecTable::Forget(const std::string& exec_id) {
  MutexLock lock(mutex_);
  waiting_.erase(exec_id);
}

void ExecTable::Finish(const ExecExited& exited) {
  OnEnd on_end;
  {
    MutexLock lock(mutex_);
    auto waiting = waiting_.extract(exited.exec_id);
    if (waiting.empty()) return;
    on_end = std::move(waiting.mapped());
  }
  on_end(exited);
}

void ExecTable::FinishAll() {
  std::map<std::string, OnEnd> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  for (auto& [id, on_end] : waiting) on_end(std::nullopt);
}

void Sandbox::SetLink(std::shared_ptr<ShimLink> link) {
  MutexLock lock(mutex_);
  link_ = std::move(link);
}

std::shared_ptr<ShimLink> Sandbox::link() const {
  MutexLock lock(mutex_);
  return link_;
}

void Sandbox::SetUserNamespace(UniqueFd user_namespace) {
  MutexLock lock(mutex_);
  user_namespace_ = std::move(user_namespace);
}

Result<UniqueFd> Sandbox::DuplicateUserNamespace() const {
  MutexLock lock(mutex_);
  if (!user_namespace_) return UniqueFd();
  return Duplicate(user_namespace_.get(), id_);
}

void Container::SetProcess(PidFd init) {
  MutexLock lock(mutex_);
  init_ = std::move(init);
}

Result<> Container::Signal(int signo) const {
  MutexLock lock(mutex_);
  if (!init_.valid()) return Fail(Code::kNotFound, "signal", id_, "the container has no process");
  return init_.Signal(signo);
}

Result<UniqueFd> Container::DuplicateProcess() const {
  MutexLock lock(mutex_);
  if (!init_.valid())
    return Fail(Code::kFailedPrecondition, "find process of container", id_, "it is not running");
  return Duplicate(init_.get(), id_);
}

std::string SandboxName(const runtime::v1::PodSandboxMetadata& metadata) {
  return metadata.name() + "_" + metadata.namespace_() + "_" + metadata.uid() + "_" +
         std::to_string(metadata.attempt());
}

std::string ContainerName(const runtime::v1::ContainerMetadata& metadata, const std::string& sandbox_id) {
  return metadata.name() + "_" + std::to_string(metadata.attempt()) + "_" + sandbox_id;
}

std::string SerializeDeterministically(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace davit
