// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/testing/fake_cri.h"

#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <chrono>

namespace davit::cli {
namespace {

grpc::Status NotFound(const std::string& id) {
  return {grpc::StatusCode::NOT_FOUND, "no container or sandbox " + id};
}

}  // namespace

FakeCri::FakeCri(std::string socket) : socket_(std::move(socket)), own_containers_(own_images_, socket_) {
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
  builder.RegisterService(&own_containers_);
  builder.RegisterService(&volumes_);
  server_ = builder.BuildAndStart();
}

void FakeCri::Shutdown() {
  if (!server_) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
  unlink(socket_.c_str());
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

std::vector<std::string> FakeCri::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

std::string FakeCri::NewId() {
  char id[65];
  snprintf(id, sizeof id, "%02x%062x", ++ids_, 0);
  return id;
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

grpc::Status FakeCri::ListPodSandbox(grpc::ServerContext*, const v1::ListPodSandboxRequest*,
                                     v1::ListPodSandboxResponse* response) {
  std::lock_guard lock(mutex_);
  for (const auto& [id, pod] : pods_) *response->add_items() = pod;
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
  if (request->verbose())
    (*response->mutable_info())["info"] =
        R"({"pid": 4711, "runtimeSpec": {"process": {"args": ["dnsd", "-v"]}}})";
  return grpc::Status::OK;
}

grpc::Status FakeCri::PodSandboxStats(grpc::ServerContext*, const v1::PodSandboxStatsRequest* request,
                                      v1::PodSandboxStatsResponse* response) {
  std::lock_guard lock(mutex_);
  v1::LinuxPodSandboxStats& stats = *response->mutable_stats()->mutable_linux();
  stats.mutable_network()->mutable_default_interface()->mutable_rx_bytes()->set_value(2'000);
  for (const auto& [id, entry] : containers_) {
    if (entry.pod_id != request->pod_sandbox_id()) continue;
    v1::ContainerStats& container = *stats.add_containers();
    container.mutable_attributes()->set_id(id);
    container.mutable_cpu()->set_timestamp(1);
    container.mutable_memory()->mutable_working_set_bytes()->set_value(1 << 20);
  }
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
