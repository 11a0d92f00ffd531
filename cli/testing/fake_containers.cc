// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/testing/fake_containers.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/file_io.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;

constexpr char kLastLine[] = "2026-01-02T03:04:05.000000000Z stdout F bye\n";
constexpr int64_t kCreatedAt = 1'767'322'800'000'000'000;

grpc::Status NoContainer(const std::string& name) {
  return {grpc::StatusCode::NOT_FOUND, "find container " + name + ": no such container"};
}

void AppendTo(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

bool Runs(const api::Container& container) {
  return container.state().status() == api::ContainerState::RUNNING;
}

// "TIME stdout F text"; P instead of F: a line that is not complete.
void Deliver(const FakeStreams& streams, const std::string& log) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string time, stream, tag, text;
    words >> time >> stream >> tag;
    std::getline(words.ignore(), text);
    if (tag == "F") text += '\n';
    (void)WriteAll((stream == "stdout" ? streams.out : streams.err).get(), text, stream);
  }
}

template <typename Request>
std::string GraceText(const Request& request) {
  return request.has_grace_seconds() ? std::to_string(request.grace_seconds()) : "default";
}

}  // namespace

FakeContainers::FakeContainers(const FakeImages& images, const std::string& socket)
    : images_(images), directory_(socket + ".logs"), sessions_(socket) {
  std::filesystem::create_directories(directory_);
}

void FakeContainers::SetScript(Script script) {
  std::scoped_lock lock(mutex_);
  script_ = std::move(script);
}

void FakeContainers::AwaitRunning() {
  std::unique_lock lock(mutex_);
  started_.wait(lock, [this] { return OnlyRunning() != nullptr; });
}

void FakeContainers::Write(const std::string& log) {
  std::scoped_lock lock(mutex_);
  Put(*OnlyRunning(), log);
}

void FakeContainers::Put(const Container& container, const std::string& log) {
  AppendTo(container.log_path(), log);
  auto client = attached_.find(container.id());
  if (client != attached_.end()) Deliver(client->second, log);
}

void FakeContainers::ReplaceLog(const std::string& log) {
  std::scoped_lock lock(mutex_);
  std::string other = directory_ + "/other";
  AppendTo(other, log);
  std::filesystem::rename(other, OnlyRunning()->log_path());
}

void FakeContainers::End(int exit_code) {
  std::scoped_lock lock(mutex_);
  End(*OnlyRunning(), exit_code);
}

void FakeContainers::End(Container& container, int exit_code) {
  container.mutable_state()->set_status(api::ContainerState::EXITED);
  container.mutable_state()->set_exit_code(exit_code);
  container.mutable_state()->set_finished_at(kCreatedAt + 2);
  attached_.erase(container.id());
  if (!container.spec().auto_remove()) return;
  std::string id = container.id();
  removed_[id] = exit_code;
  std::filesystem::remove(container.log_path());
  containers_.erase(id);
}

std::vector<std::string> FakeContainers::names() const {
  std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [id, container] : containers_) names.push_back(container.name());
  return names;
}

std::vector<std::string> FakeContainers::calls() const {
  std::scoped_lock lock(mutex_);
  return calls_;
}

api::ContainerSpec FakeContainers::last_spec() const {
  std::scoped_lock lock(mutex_);
  return last_spec_;
}

api::Container* FakeContainers::Find(const std::string& text) {
  for (auto& [id, container] : containers_)
    if (id == text || container.name() == text) return &container;
  return nullptr;
}

api::Container* FakeContainers::OnlyRunning() {
  for (auto& [id, container] : containers_)
    if (Runs(container)) return &container;
  return nullptr;
}

grpc::Status FakeContainers::Create(grpc::ServerContext*, const api::CreateContainerRequest* request,
                                    api::CreateContainerResponse* response) {
  std::scoped_lock lock(mutex_);
  last_spec_ = request->spec();
  if (!images_.Has(request->spec().image()))
    return {grpc::StatusCode::NOT_FOUND, "find image " + request->spec().image() + ": no such image"};
  if (Find(request->name()) != nullptr)
    return {grpc::StatusCode::ALREADY_EXISTS,
            "the name is in use by container " + Find(request->name())->id()};
  char id[65];
  snprintf(id, sizeof id, "%02x%062x", ++ids_, 0);
  Container& container = containers_[id];
  container.set_id(id);
  container.set_name(request->name().empty() ? "made-up" : request->name());
  *container.mutable_spec() = request->spec();
  container.set_image_id(images_.IdOf(request->spec().image()));
  *container.mutable_command_line() = request->spec().command();
  container.set_created_at(kCreatedAt);
  container.set_log_path(directory_ + "/" + id + ".log");
  container.mutable_state()->set_status(api::ContainerState::CREATED);
  AppendTo(container.log_path(), "");
  calls_.push_back("Create " + container.name());
  response->set_id(id);
  response->set_name(container.name());
  response->set_log_path(container.log_path());
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Start(grpc::ServerContext*, const api::StartContainerRequest* request,
                                   api::StartContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  calls_.push_back("Start " + container->name());
  if (!script_.start_error.empty()) {
    container->mutable_state()->set_exit_code(script_.start_exit_code);
    return {grpc::StatusCode::INTERNAL, script_.start_error};
  }
  if (!request->token().empty()) {
    Result<FakeStreams> streams = sessions_.Begin(request->token());
    if (!streams) return {grpc::StatusCode::NOT_FOUND, streams.error().ToString()};
    attached_[container->id()] = std::move(*streams);
  }
  Put(*container, script_.log);
  container->mutable_state()->set_status(api::ContainerState::RUNNING);
  container->mutable_state()->set_started_at(kCreatedAt + 1);
  container->mutable_state()->add_addresses("10.88.0.7");
  if (script_.exit_code) End(*container, *script_.exit_code);
  started_.notify_all();
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Stop(grpc::ServerContext*, const api::StopContainerRequest* request,
                                  api::StopContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  calls_.push_back("Stop " + container->name() + " " + GraceText(*request));
  if (!Runs(*container)) return grpc::Status::OK;
  if ((!request->has_grace_seconds() || request->grace_seconds() > 0) && !script_.heeds_stop) {
    // The line tells a test that the call has been here.
    Put(*container, "2026-01-02T03:04:05.000000000Z stdout F not yet\n");
    return grpc::Status::OK;
  }
  Put(*container, kLastLine);
  End(*container, (!request->has_grace_seconds() || request->grace_seconds() > 0) ? 143 : 137);
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Restart(grpc::ServerContext*, const api::RestartContainerRequest* request,
                                     api::RestartContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  calls_.push_back("Restart " + container->name() + " " + GraceText(*request));
  container->mutable_state()->set_status(api::ContainerState::RUNNING);
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Kill(grpc::ServerContext*, const api::KillContainerRequest* request,
                                  api::KillContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  calls_.push_back("Kill " + container->name() + " " + std::to_string(request->signal()));
  if (request->signal() == SIGINT && script_.heeds_stop) {
    Put(*container, kLastLine);
    End(*container, 128 + SIGINT);
  }
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Pause(grpc::ServerContext*, const api::PauseContainerRequest* request,
                                   api::PauseContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  calls_.push_back("Pause " + container->name());
  container->mutable_state()->set_paused(true);
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Unpause(grpc::ServerContext*, const api::UnpauseContainerRequest* request,
                                     api::UnpauseContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  calls_.push_back("Unpause " + container->name());
  container->mutable_state()->set_paused(false);
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Update(grpc::ServerContext*, const api::UpdateContainerRequest* request,
                                    api::UpdateContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  calls_.push_back("Update " + container->name() + " " + request->update().ShortDebugString());
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Rename(grpc::ServerContext*, const api::RenameContainerRequest* request,
                                    api::RenameContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  container->set_name(request->name());
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Remove(grpc::ServerContext*, const api::RemoveContainerRequest* request,
                                    api::RemoveContainerResponse*) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  if (Runs(*container) && !request->force())
    return {grpc::StatusCode::FAILED_PRECONDITION, container->name() + " is running"};
  calls_.push_back("Remove " + container->name() + (request->volumes() ? " with volumes" : ""));
  std::filesystem::remove(container->log_path());
  containers_.erase(std::string(container->id()));
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Inspect(grpc::ServerContext*, const api::InspectContainerRequest* request,
                                     api::InspectContainerResponse* response) {
  std::scoped_lock lock(mutex_);
  Container* container = Find(request->container());
  if (container == nullptr) return NoContainer(request->container());
  *response->mutable_container() = *container;
  return grpc::Status::OK;
}

grpc::Status FakeContainers::Exec(grpc::ServerContext*, const api::ExecContainerRequest* request,
                                  api::ExecContainerResponse* response) {
  std::scoped_lock lock(mutex_);
  if (Find(request->container()) == nullptr) return NoContainer(request->container());
  if (request->command(0) == "missing") {
    response->set_exit_code(127);
    response->set_error("exec missing: No such file or directory");
    return grpc::Status::OK;
  }
  for (const std::string& word : request->command()) *response->mutable_stdout() += word + "\n";
  response->set_stderr("complaint\n");
  response->set_exit_code(7);
  return grpc::Status::OK;
}

// Only of what has ended.
grpc::Status FakeContainers::Wait(grpc::ServerContext*, const api::WaitContainerRequest* request,
                                  grpc::ServerWriter<api::WaitContainerResponse>* writer) {
  std::scoped_lock lock(mutex_);
  api::WaitContainerResponse answer;
  answer.set_ended(true);
  auto removed = removed_.find(request->container());
  Container* container = Find(request->container());
  if (container == nullptr && removed == removed_.end()) return NoContainer(request->container());
  answer.set_exit_code(container == nullptr ? removed->second : container->state().exit_code());
  writer->Write(answer);
  return grpc::Status::OK;
}

grpc::Status FakeContainers::List(grpc::ServerContext*, const api::ListContainersRequest* request,
                                  grpc::ServerWriter<api::ListContainersResponse>* writer) {
  std::scoped_lock lock(mutex_);
  for (const auto& [id, container] : containers_) {
    if (!request->all() && !Runs(container)) continue;
    api::ListContainersResponse message;
    *message.add_containers() = container;
    if (request->size()) message.mutable_containers(0)->set_written_bytes(12'345);
    writer->Write(message);
  }
  return grpc::Status::OK;
}

// One second lies between two samples.
grpc::Status FakeContainers::Stats(grpc::ServerContext*, const api::ContainerStatsRequest* request,
                                   api::ContainerStatsResponse* response) {
  std::scoped_lock lock(mutex_);
  ++samples_;
  auto add = [&](const Container& container) {
    if (!Runs(container)) return;
    api::ContainerUsage& usage = *response->add_containers();
    usage.set_id(container.id());
    usage.set_name(container.name());
    usage.set_taken_at(samples_ * int64_t{1'000'000'000});
    usage.set_cpu_nanoseconds(static_cast<uint64_t>(samples_) * kCpuStep);
    usage.set_memory_bytes(3 << 20);
    usage.set_memory_limit_bytes(64 << 20);
    usage.set_processes(2);
    usage.set_received_bytes(1'520);
    usage.set_sent_bytes(7);
  };
  for (const std::string& name : request->containers()) {
    const Container* container = Find(name);
    if (container == nullptr) return NoContainer(name);
    add(*container);
  }
  if (request->containers().empty())
    for (const auto& [id, container] : containers_) add(container);
  return grpc::Status::OK;
}

// This process stands for those of every container.
grpc::Status FakeContainers::Top(grpc::ServerContext*, const api::TopContainerRequest* request,
                                 api::TopContainerResponse* response) {
  std::scoped_lock lock(mutex_);
  constexpr size_t kIdDigits = 64;
  const Container* container = Find(request->container());
  if (container == nullptr && request->container().size() != kIdDigits)
    return NoContainer(request->container());
  if (container != nullptr && !Runs(*container))
    return {grpc::StatusCode::FAILED_PRECONDITION, "it is not running"};
  response->add_pids(getpid());
  return grpc::Status::OK;
}

}  // namespace davit::cli
