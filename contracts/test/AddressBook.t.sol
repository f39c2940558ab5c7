// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {AddressBook} from "../src/AddressBook.sol";
import {Harness} from "./Harness.sol";

contract AddressBookTest is Harness {
    bytes32[] internal names;
    address[] internal addresses;

    function deploy() external returns (AddressBook) {
        return new AddressBook(names, addresses);
    }

    function deployRefused(bytes memory why) internal {
        refused(address(this), address(this), abi.encodeCall(this.deploy, ()), why);
    }

    function test_a_deployment_is_found_by_name() public {
        (names, addresses) = (new bytes32[](0), new address[](0));
        names.push("Registry");
        addresses.push(address(this));
        AddressBook book = this.deploy();
        equal(book.addressOf("Registry"), address(this));
        equal(book.names().length, 1);
        bytes memory call = abi.encodeCall(AddressBook.addressOf, ("Other"));
        refused(OUTSIDER, address(book), call, refusal(AddressBook.UnknownName.selector, uint256(bytes32("Other"))));
    }

    function test_names_are_distinct_and_contracts_are_there() public {
        names.push("Registry");
        deployRefused(refusal(AddressBook.LengthMismatch.selector, 1, 0));
        addresses.push(OUTSIDER);
        deployRefused(refusal(AddressBook.NotAContract.selector, OUTSIDER));
        addresses[0] = address(this);
        names.push("Registry");
        addresses.push(address(this));
        deployRefused(refusal(AddressBook.DuplicateName.selector, uint256(bytes32("Registry"))));
    }
}
