// Which model the loop calls, and that it lies in the database before the first call.
#pragma once

#include <string>

#include "bench/client_options.hpp"
#include "core/result.hpp"
#include "db/client/inferclient.hpp"

namespace inferstep {

struct LoopModel {
    std::string name;    // in the database
    std::string origin;  // its file, or that it was in the database already: for the records
    std::string device;  // where this client stored it to; empty when it was there already
    std::string file;    // the bytes of its file, from the disk or from the database
    std::string script;  // that preprocesses, in the database; empty: there is none
};

// Find the model, and for SmartSim-Scaling's loop the script, or store them. One process at a time does that; they
// agree in `state_directory`, or, where it is empty, in the user's cache. A model of that name that the database has
// already is taken as it is; otherwise options.model is stored, or a ResNet that is made once and kept in the user's
// cache.
Result<LoopModel> provide_model(Client& client, const ClientOptions& options, const std::string& state_directory,
                                const std::string& record_directory);

}  // namespace inferstep
