// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A name means a local container first, and one of the kubelet's if there is no such local one.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <string>
#include <type_traits>
#include <utility>

#include "cli/containers.h"
#include "cli/target.h"

namespace davit::cli {

// Returns `of_local(container)` or `of_kubelets(target)`; the latter returns a Result, to which what the
// former returns can be converted.
template <typename OfLocal, typename OfKubelets>
std::invoke_result_t<OfKubelets, const Target&> ByName(const Daemon& daemon, const std::string& name,
                                                       OfLocal of_local, OfKubelets of_kubelets) {
  Result<api::Container> container = InspectContainer(daemon, name);
  if (container) return of_local(*container);
  if (container.error().code != Code::kNotFound) return std::unexpected(std::move(container).error());
  return of_kubelets(TRY(FindContainer(daemon, name)));
}

// Calls a method of davit.v1 that takes the kubelet's containers by their ids; `request` has the name.
template <typename Service, typename Request, typename Response>
Result<Response> CallByName(const Daemon& daemon,
                            grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*),
                            Request request) {
  Result<Response> answer = daemon.Call(method, request);
  if (answer || answer.error().code != Code::kNotFound) return answer;
  request.set_container(TRY(FindContainer(daemon, request.container())).container->id());
  return daemon.Call(method, request);
}

}  // namespace davit::cli
