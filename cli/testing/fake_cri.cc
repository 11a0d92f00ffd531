// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/testing/fake_cri.h"

#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace davit::cli {
namespace {

grpc::Status NotFound(const std::string& id) {
  return {grpc::StatusCode::NOT_FOUND, "no container or sandbox " + id};
}

void AppendTo(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

}  // namespace

FakeCri::FakeCri(std::string socket) : socket_(std::move(socket)) {
  Listen();
}

FakeCri::~FakeCri() {
  Shutdown();
}

void FakeCri::Listen() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix://" + socket_, grpc::InsecureServerCredentials());
  builder.RegisterService(static_cast<v1::RuntimeService::Service*>(this));
  builder.RegisterService(static_cast<v1::ImageService::Service*>(this));
  builder.RegisterService(&own_images_);
  builder.RegisterService(&networks_);
  server_ = builder.BuildAndStart();
}

void FakeCri::Shutdown() {
  if (!server_) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
  unlink(socket_.c_str());
}

void FakeCri::SetScript(Script script) {
  std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

std::string FakeCri::AddForeignPod(const std::string& name, const std::vector<std::string>& containers) {
  std::lock_guard lock(mutex_);
  std::string id = NewId();
  v1::PodSandbox& pod = pods_[id];
  pod.set_id(id);
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("kube-system");
  for (const std::string& container : containers) {
    std::string container_id = NewId();
    Entry& entry = containers_[container_id];
    entry.pod_id = id;
    entry.status.set_id(container_id);
    entry.status.mutable_metadata()->set_name(container);
    entry.status.set_state(v1::CONTAINER_RUNNING);
  }
  return id;
}

void FakeCri::AwaitRunning() {
  std::unique_lock lock(mutex_);
  started_.wait(lock, [this] { return OnlyRunning() != nullptr; });
}

void FakeCri::Write(const std::string& log) {
  std::lock_guard lock(mutex_);
  AppendTo(OnlyRunning()->status.log_path(), log);
}

void FakeCri::End(int exit_code) {
  std::lock_guard lock(mutex_);
  Entry* entry = OnlyRunning();
  entry->status.set_state(v1::CONTAINER_EXITED);
  entry->status.set_exit_code(exit_code);
}

size_t FakeCri::pods() const {
  std::lock_guard lock(mutex_);
  return pods_.size();
}

bool FakeCri::PodIsReady() const {
  std::lock_guard lock(mutex_);
  return pods_.size() == 1 && pods_.begin()->second.state() == v1::SANDBOX_READY;
}

std::vector<std::string> FakeCri::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

v1::ContainerConfig FakeCri::last_container_config() const {
  std::lock_guard lock(mutex_);
  return last_container_config_;
}

std::string FakeCri::NewId() {
  char id[65];
  snprintf(id, sizeof id, "%02x%062x", ++ids_, 0);
  return id;
}

FakeCri::Entry* FakeCri::OnlyRunning() {
  for (auto& [id, entry] : containers_) {
    if (entry.status.state() == v1::CONTAINER_RUNNING) return &entry;
  }
  return nullptr;
}

grpc::Status FakeCri::Version(grpc::ServerContext*, const v1::VersionRequest*,
                              v1::VersionResponse* response) {
  response->set_runtime_name("fake");
  response->set_runtime_version("1.2.3");
  response->set_runtime_api_version("v1");
  return grpc::Status::OK;
}

grpc::Status FakeCri::Status(grpc::ServerContext*, const v1::StatusRequest*, v1::StatusResponse* response) {
  auto* condition = response->mutable_status()->add_conditions();
  condition->set_type("RuntimeReady");
  condition->set_status(true);
  condition = response->mutable_status()->add_conditions();
  condition->set_type("NetworkReady");
  condition->set_reason("NoNetwork");
  condition->set_message("no subnet left");
  return grpc::Status::OK;
}

grpc::Status FakeCri::RuntimeConfig(grpc::ServerContext*, const v1::RuntimeConfigRequest*,
                                    v1::RuntimeConfigResponse* response) {
  response->mutable_linux()->set_cgroup_driver(v1::CGROUPFS);
  return grpc::Status::OK;
}

grpc::Status FakeCri::RunPodSandbox(grpc::ServerContext*, const v1::RunPodSandboxRequest* request,
                                    v1::RunPodSandboxResponse* response) {
  std::lock_guard lock(mutex_);
  const v1::PodSandboxConfig& config = request->config();
  for (const auto& [id, held] : pod_configs_) {
    if (held.metadata().SerializeAsString() != config.metadata().SerializeAsString()) continue;
    return {grpc::StatusCode::ALREADY_EXISTS, "pod " + config.metadata().name() + " is held by " + id};
  }
  calls_.push_back("RunPodSandbox");
  std::string id = NewId();
  pod_configs_[id] = config;
  v1::PodSandbox& pod = pods_[id];
  pod.set_id(id);
  *pod.mutable_metadata() = config.metadata();
  *pod.mutable_labels() = config.labels();
  response->set_pod_sandbox_id(id);
  return grpc::Status::OK;
}

grpc::Status FakeCri::StopPodSandbox(grpc::ServerContext*, const v1::StopPodSandboxRequest* request,
                                     v1::StopPodSandboxResponse*) {
  std::lock_guard lock(mutex_);
  calls_.push_back("StopPodSandbox");
  auto pod = pods_.find(request->pod_sandbox_id());
  if (pod != pods_.end()) pod->second.set_state(v1::SANDBOX_NOTREADY);
  for (auto& [id, entry] : containers_) {
    if (entry.pod_id == request->pod_sandbox_id() && entry.status.state() == v1::CONTAINER_RUNNING) {
      entry.status.set_state(v1::CONTAINER_EXITED);
      entry.status.set_exit_code(137);
    }
  }
  return grpc::Status::OK;
}

grpc::Status FakeCri::RemovePodSandbox(grpc::ServerContext*, const v1::RemovePodSandboxRequest* request,
                                       v1::RemovePodSandboxResponse*) {
  std::lock_guard lock(mutex_);
  calls_.push_back("RemovePodSandbox");
  pods_.erase(request->pod_sandbox_id());
  pod_configs_.erase(request->pod_sandbox_id());
  std::erase_if(containers_,
                [&](const auto& item) { return item.second.pod_id == request->pod_sandbox_id(); });
  return grpc::Status::OK;
}

grpc::Status FakeCri::PodSandboxStatus(grpc::ServerContext*, const v1::PodSandboxStatusRequest* request,
                                       v1::PodSandboxStatusResponse* response) {
  std::lock_guard lock(mutex_);
  auto pod = pods_.find(request->pod_sandbox_id());
  if (pod == pods_.end()) return NotFound(request->pod_sandbox_id());
  response->mutable_status()->set_id(pod->first);
  response->mutable_status()->mutable_network()->set_ip("10.88.0.7");
  response->mutable_status()->mutable_network()->add_additional_ips()->set_ip("fd00:88::7");
  return grpc::Status::OK;
}

grpc::Status FakeCri::ListPodSandbox(grpc::ServerContext*, const v1::ListPodSandboxRequest*,
                                     v1::ListPodSandboxResponse* response) {
  std::lock_guard lock(mutex_);
  for (const auto& [id, pod] : pods_) *response->add_items() = pod;
  return grpc::Status::OK;
}

grpc::Status FakeCri::CreateContainer(grpc::ServerContext*, const v1::CreateContainerRequest* request,
                                      v1::CreateContainerResponse* response) {
  std::lock_guard lock(mutex_);
  calls_.push_back("CreateContainer");
  const v1::ContainerConfig& config = request->config();
  if (!own_images_.Has(config.image().image())) return NotFound(config.image().image());
  last_container_config_ = config;
  std::string id = NewId();
  Entry& entry = containers_[id];
  entry.pod_id = request->pod_sandbox_id();
  entry.status.set_id(id);
  *entry.status.mutable_metadata() = config.metadata();
  *entry.status.mutable_image() = config.image();
  *entry.status.mutable_labels() = config.labels();
  entry.status.set_log_path(request->sandbox_config().log_directory() + "/" + config.log_path());
  response->set_container_id(id);
  return grpc::Status::OK;
}

grpc::Status FakeCri::StartContainer(grpc::ServerContext*, const v1::StartContainerRequest* request,
                                     v1::StartContainerResponse*) {
  std::lock_guard lock(mutex_);
  calls_.push_back("StartContainer");
  auto found = containers_.find(request->container_id());
  if (found == containers_.end()) return NotFound(request->container_id());
  v1::ContainerStatus& status = found->second.status;
  std::filesystem::create_directories(std::filesystem::path(status.log_path()).parent_path());
  AppendTo(status.log_path(), script_.log);
  if (!script_.start_error.empty()) {
    status.set_state(v1::CONTAINER_EXITED);
    return {grpc::StatusCode::NOT_FOUND, script_.start_error};
  }
  status.set_state(script_.exit_code ? v1::CONTAINER_EXITED : v1::CONTAINER_RUNNING);
  status.set_exit_code(script_.exit_code.value_or(0));
  started_.notify_all();
  return grpc::Status::OK;
}

grpc::Status FakeCri::StopContainer(grpc::ServerContext*, const v1::StopContainerRequest* request,
                                    v1::StopContainerResponse*) {
  std::lock_guard lock(mutex_);
  calls_.push_back("StopContainer " + std::to_string(request->timeout()));
  auto found = containers_.find(request->container_id());
  if (found == containers_.end() || found->second.status.state() != v1::CONTAINER_RUNNING)
    return grpc::Status::OK;
  v1::ContainerStatus& status = found->second.status;
  if (request->timeout() > 0 && !script_.heeds_stop) {
    // The line tells a test that the call has been here.
    AppendTo(status.log_path(), "2026-01-02T03:04:05.000000000Z stdout F not yet\n");
    return grpc::Status::OK;
  }
  status.set_state(v1::CONTAINER_EXITED);
  status.set_exit_code(request->timeout() > 0 ? 143 : 137);
  AppendTo(status.log_path(), "2026-01-02T03:04:05.000000000Z stdout F bye\n");
  return grpc::Status::OK;
}

grpc::Status FakeCri::ListContainers(grpc::ServerContext*, const v1::ListContainersRequest* request,
                                     v1::ListContainersResponse* response) {
  std::lock_guard lock(mutex_);
  const std::string& wanted = request->filter().pod_sandbox_id();
  for (const auto& [id, entry] : containers_) {
    if (!wanted.empty() && entry.pod_id != wanted) continue;
    v1::Container* container = response->add_containers();
    container->set_id(id);
    container->set_pod_sandbox_id(entry.pod_id);
    *container->mutable_metadata() = entry.status.metadata();
    *container->mutable_image() = entry.status.image();
    *container->mutable_labels() = entry.status.labels();
    container->set_state(entry.status.state());
  }
  return grpc::Status::OK;
}

grpc::Status FakeCri::ContainerStatus(grpc::ServerContext*, const v1::ContainerStatusRequest* request,
                                      v1::ContainerStatusResponse* response) {
  std::lock_guard lock(mutex_);
  auto found = containers_.find(request->container_id());
  if (found == containers_.end()) return NotFound(request->container_id());
  *response->mutable_status() = found->second.status;
  return grpc::Status::OK;
}

grpc::Status FakeCri::ExecSync(grpc::ServerContext*, const v1::ExecSyncRequest* request,
                               v1::ExecSyncResponse* response) {
  for (const std::string& word : request->cmd()) *response->mutable_stdout() += word + "\n";
  response->set_stderr("complaint\n");
  response->set_exit_code(7);
  return grpc::Status::OK;
}

v1::Image FakeCri::ImageOf(const std::string& name) const {
  v1::Image image;
  image.set_id(own_images_.IdOf(name));
  image.add_repo_tags("docker.io/library/" + name + ":latest");
  image.set_size(4'213'000);
  return image;
}

grpc::Status FakeCri::ListImages(grpc::ServerContext*, const v1::ListImagesRequest*,
                                 v1::ListImagesResponse* response) {
  for (const std::string& name : own_images_.names()) *response->add_images() = ImageOf(name);
  return grpc::Status::OK;
}

grpc::Status FakeCri::ImageStatus(grpc::ServerContext*, const v1::ImageStatusRequest* request,
                                  v1::ImageStatusResponse* response) {
  const std::string& name = request->image().image();
  if (own_images_.Has(name)) *response->mutable_image() = ImageOf(name);
  return grpc::Status::OK;
}

grpc::Status FakeCri::RemoveImage(grpc::ServerContext*, const v1::RemoveImageRequest* request,
                                  v1::RemoveImageResponse*) {
  own_images_.Remove(request->image().image());
  std::lock_guard lock(mutex_);
  calls_.push_back("RemoveImage " + request->image().image());
  return grpc::Status::OK;
}

grpc::Status FakeCri::ImageFsInfo(grpc::ServerContext*, const v1::ImageFsInfoRequest*,
                                  v1::ImageFsInfoResponse* response) {
  auto* usage = response->add_image_filesystems();
  usage->mutable_fs_id()->set_mountpoint("/var/lib/davit");
  usage->mutable_used_bytes()->set_value(4'213'000);
  return grpc::Status::OK;
}

}  // namespace davit::cli
